namespace MappingNets.Tests;

/// <summary>The sample of docs/streaming.md, here so that it is compiled and run.</summary>
internal static class StreamedNetwork
{
    public static string Describe()
    {
        // <readme>
        var network = TargetNetwork.Input(1, 28, 28).Flatten().Linear(256);
        for (var layer = 1; layer < 20; layer++)
            network = network.Residual(inner => inner.LayerNorm().ReLU().Linear(256));
        using var model = MappingNetwork.For(network.Linear(10).Build("deep")).SingleLatent(2048).Streamed().Build();
        // </readme>
        return model.DescribeTrainableParameters();
    }
}
