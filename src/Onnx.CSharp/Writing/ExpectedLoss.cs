using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// What rounding the weights adds to a network's outputs, before any file is written. A weight that is rounded to the nearest multiple of a
/// step s moves by a number that is close to uniform between -s/2 and s/2 and independent of the others (Widrow), of variance s^2 / 12. To
/// first order output k moves by the sum of (dy_k / dw) times that, so its variance is the sum of (dy_k / dw)^2 s_w^2 / 12 over all weights.
/// </summary>
internal static class ExpectedLoss
{
    // The sum over outputs is the mean over signs v of the squared gradient of v . y (Hutchinson); its standard deviation is at most
    // sqrt(2 / 16) of it, a sixth of the root, and far less where there are many outputs.
    private const int Probes = 16;

    /// <summary>The root mean square, over samples and outputs, of what the outputs are expected to move by.</summary>
    /// <param name="model">The model.</param>
    /// <param name="precision">Half or Int8.</param>
    /// <param name="inputs">Samples.</param>
    /// <exception cref="NotSupportedException">As for an export in this precision.</exception>
    public static double Of(Model model, StoredPrecision precision, IReadOnlyList<Tensor> inputs)
    {
        InferenceTensors.RequireNoInferenceMode();
        model.Target.RequireTensors(inputs);
        // The caller may be in the midst of a pass without gradients, which this one needs.
        using var gradientMode = enable_grad();
        using var scope = NewDisposeScope();
        var (weights, steps) = Rounded(model, precision);
        Tensor[] leaves = [.. weights.Where((_, place) => steps[place] is not null)];
        var outputs = model.Target.Plain.Forward([.. inputs.Select(input => input.to(model.Device))], weights, model.State, training: false);
        var random = new Random(1);
        var sum = 0.0;
        for (var probe = 0; probe < Probes; probe++)
        {
            using var one = NewDisposeScope();
            var signs = tensor(Enumerable.Range(0, (int)outputs.numel()).Select(_ => random.Next(2) == 0 ? -1f : 1f).ToArray(), outputs.shape, device: CPU).to(model.Device);
            var gradients = autograd.grad([outputs], leaves, [signs], retain_graph: true, allow_unused: true);
            foreach (var (gradient, step) in gradients.Zip(steps.OfType<Tensor>()))
                // Of a weight that these samples do not reach there is none: a tensor without a handle.
                if (gradient is { IsInvalid: false })
                    sum += gradient.mul(step).pow(2).sum(ScalarType.Float64).item<double>() / 12;
        }

        return Math.Sqrt(sum / Probes / outputs.numel());
    }

    // All weights; a step beside each that is rounded.
    private static (Tensor[] Weights, Tensor?[] Steps) Rounded(Model model, StoredPrecision precision)
    {
        using var noGradient = no_grad();
        var graph = OnnxExport.Graph(model.Target).Graph;
        var values = OnnxExport.Values(model);
        WeightRounding.RequireSingle(model.Target, precision, values);
        Tensor[] weights = [.. model.Target.Plain.Parameters.Select(parameter => values[parameter.Name])];
        Tensor?[] steps = [.. model.Target.Plain.Parameters.Zip(weights, (parameter, weight) => WeightRounding.IsRounded(precision, weight)
            ? WeightRounding.Steps(precision, weight, WeightRounding.OutputAxes(graph, parameter.Name, (int)weight.dim())).to(model.Device)
            : null)];
        return ([.. weights.Select((weight, place) => weight.to(model.Device).requires_grad_(steps[place] is not null))], steps);
    }
}
