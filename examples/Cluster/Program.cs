// CNN2 on FashionMNIST through 2,048 latents, trained by several processes that exchange 8 KB a step. Without a verb: starts Redis and three
// workers on this machine, kills one of them in the midst, starts another, and ends with a table. "worker" is one of them, which may run
// on any machine that reaches the same Redis.
using MappingNets;
using MappingNets.Examples.Cluster;

_ = NativeHeap.RetainFreedMemory();
var settings = Settings.Parse(args);
return settings.IsWorker ? await Worker.Run(settings) : await Demonstration.Run(settings);
