// A thread whose messages wait: only their sender uses the CPU.
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
