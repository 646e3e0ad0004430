using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Adam's and AdamW's step in two passes over memory and one call of libtorch, with the bits of TorchSharp's own, which calls libtorch a
/// dozen times for each tensor: a multiplication that an addition follows is fused and rounded once, as libtorch's vectorised kernels
/// do it, and all others are rounded by themselves. The root between the passes is libtorch's, which comes from a library of
/// functions of vectors and is not always the nearest number.
/// </summary>
internal static class AdamKernel
{
    /// <summary>Longer tensors are left to libtorch, whose passes run on all cores.</summary>
    public const long Longest = 1 << 16;

    private static readonly Lazy<bool> Exact = new(IsEqualToLibtorch);

    /// <summary>
    /// Whether this machine's libtorch computes the same bits: on processors without fused multiplication, or where its kernels are
    /// set to others by ATEN_CPU_CAPABILITY, it need not, and TorchSharp's own step is taken.
    /// </summary>
    public static bool IsExact => Exact.Value;

    /// <summary>The numbers of a step, in libtorch's precision.</summary>
    internal readonly struct Numbers
    {
        /// <summary>The numbers of a step.</summary>
        /// <param name="rate">The learning rate.</param>
        /// <param name="beta1">What the mean keeps.</param>
        /// <param name="beta2">What the mean square keeps.</param>
        /// <param name="epsilon">What is added to the root.</param>
        /// <param name="step">The step, from 1.</param>
        /// <param name="decay">The weight decay.</param>
        /// <param name="isDecoupled">Whether weights shrink by themselves, as in AdamW, instead of through the gradient.</param>
        public Numbers(double rate, double beta1, double beta2, double epsilon, long step, double decay, bool isDecoupled)
        {
            Keep1 = (float)beta1;
            Take1 = (float)(1 - beta1);
            Keep2 = (float)beta2;
            Take2 = (float)(1 - beta2);
            Root = (float)Math.Sqrt(1 - Math.Pow(beta2, step));
            Epsilon = (float)epsilon;
            Stride = (float)-(rate / (1 - Math.Pow(beta1, step)));
            IsPenalised = !isDecoupled && decay != 0;
            Penalty = (float)decay;
            Shrinking = isDecoupled ? (float)(1 - (rate * decay)) : 1;
        }

        public float Keep1 { get; }

        public float Take1 { get; }

        public float Keep2 { get; }

        public float Take2 { get; }

        public float Root { get; }

        public float Epsilon { get; }

        public float Stride { get; }

        public bool IsPenalised { get; }

        public float Penalty { get; }

        public float Shrinking { get; }
    }

    /// <summary>Whether the pass can take a parameter.</summary>
    public static bool Takes(Parameter parameter) =>
        IsExact && parameter.numel() <= Longest && parameter.dtype == ScalarType.Float32 && parameter.device_type == DeviceType.CPU
        && parameter.is_contiguous();

    /// <summary>Changes a parameter and its two running means by its gradient.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="gradient">Its gradient.</param>
    /// <param name="mean">The gradient's running mean.</param>
    /// <param name="square">The running mean of its square.</param>
    /// <param name="root">As long as these, contiguous; overwritten.</param>
    /// <param name="numbers">The numbers of this step.</param>
    public static void Step(Parameter parameter, Tensor gradient, Tensor mean, Tensor square, Tensor root, in Numbers numbers)
    {
        using var noGradient = no_grad();
        using var dense = gradient.is_contiguous() ? null : gradient.contiguous();
        var weights = Floats(parameter);
        var means = Floats(mean);
        Average(weights, Floats(dense ?? gradient), means, Floats(square), Floats(root), numbers);
        root.sqrt_();
        Move(weights, means, Floats(root), numbers);
    }

    private static Span<float> Floats(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);

    /// <summary>The running means, and the squares once more where their root is taken.</summary>
    private static void Average(
        Span<float> weights, ReadOnlySpan<float> gradients, Span<float> means, Span<float> squares, Span<float> roots, in Numbers numbers)
    {
        var width = Vector<float>.Count;
        var at = 0;
        for (; at <= weights.Length - width; at += width)
        {
            var weight = new Vector<float>(weights[at..]);
            var gradient = new Vector<float>(gradients[at..]);
            if (numbers.IsPenalised)
                gradient = Vector.FusedMultiplyAdd(weight, new Vector<float>(numbers.Penalty), gradient);
            var mean = Vector.FusedMultiplyAdd(gradient, new Vector<float>(numbers.Take1), new Vector<float>(means[at..]) * numbers.Keep1);
            var square = Vector.FusedMultiplyAdd(gradient * numbers.Take2, gradient, new Vector<float>(squares[at..]) * numbers.Keep2);
            (weight * numbers.Shrinking).CopyTo(weights[at..]);
            mean.CopyTo(means[at..]);
            square.CopyTo(squares[at..]);
            square.CopyTo(roots[at..]);
        }

        for (; at < weights.Length; at++)
        {
            var gradient = numbers.IsPenalised ? MathF.FusedMultiplyAdd(weights[at], numbers.Penalty, gradients[at]) : gradients[at];
            weights[at] *= numbers.Shrinking;
            means[at] = MathF.FusedMultiplyAdd(gradient, numbers.Take1, means[at] * numbers.Keep1);
            roots[at] = squares[at] = MathF.FusedMultiplyAdd(gradient * numbers.Take2, gradient, squares[at] * numbers.Keep2);
        }
    }

    private static void Move(Span<float> weights, ReadOnlySpan<float> means, ReadOnlySpan<float> roots, in Numbers numbers)
    {
        var width = Vector<float>.Count;
        var at = 0;
        for (; at <= weights.Length - width; at += width)
        {
            var root = (new Vector<float>(roots[at..]) / new Vector<float>(numbers.Root)) + new Vector<float>(numbers.Epsilon);
            (new Vector<float>(weights[at..]) + (new Vector<float>(means[at..]) * numbers.Stride / root)).CopyTo(weights[at..]);
        }

        for (; at < weights.Length; at++)
            weights[at] += means[at] * numbers.Stride / ((roots[at] / numbers.Root) + numbers.Epsilon);
    }

    /// <summary>A few steps by both on numbers of many sizes, one length that no vector divides.</summary>
    private static bool IsEqualToLibtorch()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var count = 1_037.ToScalar();
        using var three = 3.ToScalar();
        var start = arange(count, dtype: ScalarType.Float32, device: CPU).sin().mul(three);
        foreach (var isDecoupled in new[] { false, true })
        {
            using var theirs = new Parameter(start.clone());
            using var ours = new Parameter(start.clone());
            using optim.Optimizer reference = isDecoupled ? optim.AdamW([theirs], 0.01, weight_decay: 0.1) : optim.Adam([theirs], 0.01, weight_decay: 0.1);
            var (mean, square, root) = (zeros_like(start), zeros_like(start), zeros_like(start));
            for (var step = 1; step <= 4; step++)
            {
                using var factor = step.ToScalar();
                var gradient = start.mul(factor).cos().mul(start.exp());
                theirs.grad = gradient;
                reference.step();
                Step(ours, gradient, mean, square, root, new(0.01, 0.9, 0.999, 1e-8, step, 0.1, isDecoupled));
                if (!ours.bytes.SequenceEqual(theirs.bytes))
                    return false;
            }
        }

        return true;
    }
}
