// What has been spent when an app's first line runs; then it stays, so that its memory can be read once it is at rest.
const sinceStartMs = performance.now();
const { user, system } = process.cpuUsage();

process.send({ sinceStartMs, cpuMs: (user + system) / 1000, rss: process.memoryUsage.rss() });
process.on('message', () => process.send({ rss: process.memoryUsage.rss(), cpu: process.cpuUsage() }));
process.on('disconnect', () => process.exit());
