// Modules of Node's that are loaded when somebody asks first: an app that needs none of them does not pay for them as it
// starts. To `import` one reads all that it exports, and behind a name of `node:http` there is all of `fetch`: the two take
// half of the time in which the agent is loaded, and 8 MiB.

export function nodeCrypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}

export function nodeHttp(): typeof import('node:http') {
  return process.getBuiltinModule('node:http');
}

export function nodeHttps(): typeof import('node:https') {
  return process.getBuiltinModule('node:https');
}

export function nodeZlib(): typeof import('node:zlib') {
  return process.getBuiltinModule('node:zlib');
}
