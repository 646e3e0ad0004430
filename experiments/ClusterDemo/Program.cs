// Starts Redis and three workers on this machine, each the program of examples/Cluster in a process of its own, kills one of them in the midst, starts
// another, and ends with a table. "worker" is one of them.
using MappingNets;
using MappingNets.Examples.Cluster;
using MappingNets.Experiments.ClusterDemo;
using MappingNets.Experiments.Reporting;
using TorchSharp;

// The bits of a sum depend on how many threads share it, so that every process of a run must have as many; and three share this machine.
torch.set_num_threads(1);
_ = NativeHeap.RetainFreedMemory();
try
{
    var settings = Settings.Parse(args);
    if (settings.IsWorker)
        return await Worker.Run(settings);
    using var signals = new StopSignals();
    return await Demonstration.Run(settings, signals.Token);
}
catch (Exception fault) when (ExampleProgram.IsAnswer(fault))
{
    return ExampleProgram.Refuse(fault);
}
catch (OperationCanceledException)
{
    // A worker has left its run by now; the demonstration has ended Redis and all workers.
    return 130;
}
