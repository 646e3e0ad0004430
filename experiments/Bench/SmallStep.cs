using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Bench;

/// <summary>
/// Where the time of a step of a small network goes: CNN2, d = 2,048, batch 8, in microseconds of processor time, which other programs on the
/// machine do not lengthen; medians of rounds. Meant for one thread (OMP_NUM_THREADS=1), since threads that wait count too.
/// </summary>
/// <param name="Step">A whole step of the trainer.</param>
/// <param name="Network">The network's own: its pass forth with weights that are there, the loss, and the way back to the weights.</param>
/// <param name="Generate">The weights from the latent.</param>
/// <param name="Transpose">The weights' gradient to the latent's.</param>
/// <param name="Batch">Taking a batch from the data set.</param>
/// <param name="Model">The model's pass forth, the loss, and the way back to the latent.</param>
public sealed record SmallStep(double Step, double Network, double Generate, double Transpose, double Batch, double Model)
{
    /// <summary>A node of the graph from a latent to eight empty tensors of the weights' shapes, forth and back; what each call of the mapping's costs.</summary>
    public double EightOutputs { get; init; }

    /// <summary>The same with one tensor of all weights.</summary>
    public double OneOutput { get; init; }

    private const int Samples = 8;
    private const int Batches = 400;

    /// <summary>What the mapping costs in the graph beside its own work: calls from libtorch to C# and back, fresh memory for the weights.</summary>
    public double Graph => Model - Network - Generate - Transpose;

    /// <summary>What the trainer does beside the passes: the optimiser, the checks for finite numbers, the epoch's sums.</summary>
    public double Trainer => Step - Model - Batch;

    /// <summary>Measures in rounds, so that what else the machine does hits all parts alike.</summary>
    /// <param name="rounds">How many.</param>
    public static SmallStep Measure(int rounds)
    {
        var @case = StepCase.Cnn2(Batches);
        using var data = StepTimes.Data(@case, Samples);
        using var model = MappingNetwork.For(@case.Target).SingleLatent(@case.Latents).Build();
        using var theta = model.FlatWeights();
        Tensor[] weights = [.. @case.Target.Layout.Split(theta).Select(weight => weight.detach().clone().requires_grad_())];
        using var input = randn([Samples, .. @case.Target.InputShape]);
        using var labels = randint(0, 10, Samples, dtype: int64);
        var times = Enumerable.Range(0, 8).Select(_ => new List<double>()).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            times[0].Add(PerCall(() => _ = StepTimes.Step(model, data, Samples, null), 1) / Batches);
            times[1].Add(PerCall(() =>
            {
                var loss = nn.functional.cross_entropy(@case.Target.Forward(input, weights, model.State, training: true), labels);
                _ = autograd.grad([loss], weights);
            }));
            times[5].Add(PerCall(() => _ = autograd.grad([nn.functional.cross_entropy(model.call(input), labels)], [model.Latent])));
            long[][] shapes = [.. @case.Target.Parameters.Select(parameter => parameter.Shape.ToArray())];
            times[6].Add(PerCall(() => _ = autograd.grad(EmptyNode.apply(model.Latent, shapes), [model.Latent], weights)));
            times[7].Add(PerCall(() => _ = autograd.grad(EmptyNode.apply(model.Latent, new[] { theta.shape }), [model.Latent], [theta])));
            using (no_grad())
            {
                times[2].Add(PerCall(() => model.Mapping.Generate(model.Latent)));
                times[3].Add(PerCall(() => model.Mapping.Pullback(model.Latent, theta)));
            }

            using var order = data.Batches(Samples, seed: 0, epoch: 1).GetEnumerator();
            times[4].Add(PerCall(() =>
            {
                if (order.MoveNext())
                    order.Current.Dispose();
            }));
        }

        foreach (var weight in weights)
            weight.Dispose();
        var medians = times.Select(Ratio.MedianOf).ToArray();
        return new(medians[0], medians[1], medians[2], medians[3], medians[4], medians[5]) { EightOutputs = medians[6], OneOutput = medians[7] };
    }

    /// <summary>Does nothing between libtorch and C# but what any function of one's own does.</summary>
    private sealed class EmptyNode : autograd.MultiTensorFunction<EmptyNode>
    {
        public override string Name => nameof(EmptyNode);

        public override List<Tensor> forward(autograd.AutogradContext context, params object[] arguments)
        {
            context.save_for_backward([(Tensor)arguments[0]]);
            context.set_materialize_grads(false);
            return [.. ((long[][])arguments[1]).Select(shape => empty(shape))];
        }

        public override List<Tensor> backward(autograd.AutogradContext context, List<Tensor> gradients)
        {
            var result = empty_like(context.get_saved_variables()[0]);
            // The native side takes its hold of the result only after this returns.
            context.save_data("result", new[] { result });
            foreach (var gradient in gradients)
                gradient.Dispose();
            return [result, null!];
        }
    }

    private static double PerCall(Action action, int calls = Batches)
    {
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        for (var call = 0; call < calls; call++)
            using (NewDisposeScope())
                action();
        process.Refresh();
        return (process.TotalProcessorTime - before).TotalMicroseconds / calls;
    }
}
