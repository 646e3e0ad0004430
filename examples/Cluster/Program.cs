// A worker: CNN2 on FashionMNIST through 2,048 latents, trained by several processes that exchange 8 KB a step. It runs on any machine that reaches
// the same Redis: `dotnet run -c Release --project examples/Cluster -- --redis store:6379 --address 10.0.0.7 ...`; `./build.sh cluster` starts three.
using MappingNets;
using MappingNets.Examples.Cluster;
using TorchSharp;

// The bits of a sum depend on how many threads share it, so that every process of a run must have as many.
torch.set_num_threads(1);
_ = NativeHeap.RetainFreedMemory();
try
{
    return await Worker.Run(Settings.Parse(args));
}
catch (Exception fault) when (OneLine.IsAnswer(fault))
{
    return OneLine.Of(fault);
}
catch (OperationCanceledException)
{
    return 130;
}
