using System.Globalization;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A target network whose layers follow one another.</summary>
internal sealed class SequentialTarget : TargetNetwork
{
    private readonly LayerSequence layers;

    internal SequentialTarget(string name, LayerSequence layers)
        : base(name, [new InputSpecification(layers.Input, layers.TakesWholeNumbers ? ScalarType.Int64 : ScalarType.Float32)], layers.Output, layers.Parameters, layers.Buffers) => this.layers = layers;

    /// <summary>The layers in order.</summary>
    internal LayerSequence Layers => layers;

    public override string Describe()
    {
        string[] header = ["#", "name", "kind", "output", "parameters"];
        var rows = layers.Steps.Select((step, index) => new[]
        {
            (index + 1).ToString(CultureInfo.InvariantCulture),
            step.Name,
            step.Layer.Kind,
            ShapeText.Of(step.Output),
            ShapeText.Count(step.Parameters.Sum(parameter => parameter.Count)),
        }).Prepend(header).ToArray();
        var widths = Enumerable.Range(0, header.Length).Select(column => rows.Max(row => row[column].Length)).ToArray();

        var text = new StringBuilder().Append(this).Append('\n');
        foreach (var row in rows)
            text.Append(row[0].PadLeft(widths[0])).Append("  ")
                .Append(row[1].PadRight(widths[1])).Append("  ")
                .Append(row[2].PadRight(widths[2])).Append("  ")
                .Append(row[3].PadRight(widths[3])).Append("  ")
                .Append(row[4].PadLeft(widths[4])).Append('\n');
        return text.ToString();
    }

    /// <inheritdoc/>
    internal override string DescribeFunction() => layers.DescribeFunction();

    /// <inheritdoc/>
    internal override LayerChain? Chain(NetworkState state, out string missing) =>
        LayerChain.Of(this, layers, state, out missing);

    protected override Tensor Compute(
        IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> parameters, NetworkState state, bool training) =>
        layers.Forward(inputs[0], parameters, state.Tensors, training);

    internal override IReadOnlyList<(int First, int Count)> WeightsByLayer => [.. layers.WeightsByLayer(0)];

    private protected override Tensor Compute(IReadOnlyList<Tensor> inputs, LayerWeights weights, NetworkState state, bool training) =>
        layers.Forward(inputs[0], weights, 0, state.Tensors, training);

    protected override Tensor CreateBuffer(int index) =>
        Buffers[index].IsDropoutPlace ? tensor(DropoutLayer.StartOf(Buffers[index].Name), dtype: ScalarType.Int64, device: CPU) : base.CreateBuffer(index);

    protected override nn.Module<Tensor, Tensor> CreateModule(IReadOnlyList<Tensor> weights, NetworkState state) =>
        layers.ToModule(weights, state.Tensors);
}
