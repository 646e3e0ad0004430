using System.Globalization;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A target network whose layers follow one another.</summary>
internal sealed class SequentialTarget : TargetNetwork
{
    private readonly IReadOnlyList<Step> steps;

    internal SequentialTarget(string name, IReadOnlyList<long> inputShape, IReadOnlyList<Step> steps)
        : base(name, inputShape, steps.Count == 0 ? inputShape : steps[^1].Output, [.. steps.SelectMany(step => step.Parameters)]) =>
        this.steps = steps;

    /// <summary>One layer in its place: its name in this network, the shapes around it and its weights by full name.</summary>
    internal sealed record Step(
        Layer Layer,
        string Name,
        IReadOnlyList<long> Input,
        IReadOnlyList<long> Output,
        IReadOnlyList<ParameterSpecification> Parameters);

    public override string Describe()
    {
        string[] header = ["#", "name", "kind", "output", "parameters"];
        var rows = steps.Select((step, index) => new[]
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

    protected override Tensor Compute(Tensor input, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        var value = input;
        foreach (var (step, weights) in WithWeights(parameters))
            value = step.Layer.Forward(value, weights);
        return value.MoveToOuterDisposeScope();
    }

    protected override nn.Module<Tensor, Tensor> CreateModule(IReadOnlyList<Tensor> weights) =>
        nn.Sequential(WithWeights(weights).Select(pair => (pair.Step.Name, pair.Step.Layer.ToModule(pair.Step.Input, pair.Weights))));

    private IEnumerable<(Step Step, IReadOnlyList<Tensor> Weights)> WithWeights(IReadOnlyList<Tensor> parameters)
    {
        var all = parameters as Tensor[] ?? [.. parameters];
        var first = 0;
        foreach (var step in steps)
        {
            yield return (step, new ArraySegment<Tensor>(all, first, step.Parameters.Count));
            first += step.Parameters.Count;
        }
    }
}
