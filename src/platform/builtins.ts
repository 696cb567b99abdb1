// Modules of Node's that are loaded when somebody asks first: an app that needs none of them does not pay for them as it
// starts. To `import` one reads all that it exports, and behind a name of `node:http` there is all of `fetch`: the two take
// half of the time in which the agent is loaded, and 8 MiB.

export const nodeCrypto = remembered(() => process.getBuiltinModule('node:crypto'));

export const nodeHttp = remembered(() => process.getBuiltinModule('node:http'));

export const nodeHttps = remembered(() => process.getBuiltinModule('node:https'));

export const nodeZlib = remembered(() => process.getBuiltinModule('node:zlib'));

/** Node looks its modules up anew each time, which takes some microseconds. */
function remembered<T>(load: () => T): () => T {
  let loaded: T | undefined;
  return () => {
    loaded ??= load();
    return loaded;
  };
}
