/** The part of the platform that TypeScript keeps in its DOM library, which this project does not load. */
declare namespace WebAssembly {
  /** Compiled code; may be handed to another thread. */
  class Module {
    private readonly compiled: true;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
