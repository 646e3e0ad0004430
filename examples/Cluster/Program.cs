// CNN2 on FashionMNIST through 2,048 latents, trained by several processes that exchange 8 KB a step. Without a verb: starts Redis and three
// workers on this machine, kills one of them in the midst, starts another, and ends with a table. "worker" is one of them, which may run
// on any machine that reaches the same Redis.
using MappingNets;
using MappingNets.Examples.Cluster;
using TorchSharp;

// The bits of a sum depend on how many threads share it, so that every process of a run must have as many; and three share this machine.
torch.set_num_threads(1);
_ = NativeHeap.RetainFreedMemory();
var settings = Settings.Parse(args);
return settings.IsWorker ? await Worker.Run(settings) : await Demonstration.Run(settings);
