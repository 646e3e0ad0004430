// Starts Redis and three workers on this machine, each the program of examples/Cluster in a process of its own, kills one of them in the midst, starts
// another, and ends with a table. "worker" is one of them.
using MappingNets;
using MappingNets.Examples.Cluster;
using MappingNets.Experiments.ClusterDemo;
using TorchSharp;

// The bits of a sum depend on how many threads share it, so that every process of a run must have as many; and three share this machine.
torch.set_num_threads(1);
_ = NativeHeap.RetainFreedMemory();
var settings = Settings.Parse(args);
return settings.IsWorker ? await Worker.Run(settings) : await Demonstration.Run(settings);
