using System.Globalization;
using System.Text;
using MappingNets.Core;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Full-matrix Adam: descent by the whole matrix of the gradient's second moments, one for each block of trained parameters: for a mapping,
/// one block for each latent vector.
/// </summary>
internal sealed class FullMatrixOptimizer : StepOptimizer
{
    /// <summary>
    /// Longer runs of numbers are cut: a block of n keeps 8 n^2 bytes and takes about 10 n^3 operations at each renewal. On CNN2
    /// blocks of 600 learn as well as blocks of 1,200.
    /// </summary>
    public const int LargestBlock = 1_024;

    /// <summary>The most numbers that a model may train so: 16 blocks, 134 MB.</summary>
    public const long MostNumbers = 16L * LargestBlock;

    private readonly FullMatrixSettings settings = FullMatrix.standard;
    private readonly Block[] blocks;
    private long steps;

    // Moves nothing: schedules want an optimiser of TorchSharp's to keep the rate in, and this one has no momentum for them to move.
    private readonly Adagrad rates;

    private FullMatrixOptimizer(IEnumerable<Block> blocks, double rate)
    {
        this.blocks = [.. blocks];
        rates = new([Trainable.From(zeros(1, dtype: ScalarType.Float32, device: CPU))], rate);
    }

    public override optim.Optimizer Rates => rates;

    private IEnumerable<Tensor> Remembered => blocks.SelectMany(block => new[] { block.Mean, block.Curvature, block.InversePower });

    /// <summary>The optimiser of a model's trained parameters and of its loss's trained coefficients.</summary>
    /// <exception cref="ArgumentException">The model trains too many parameters for matrices of their products.</exception>
    public static FullMatrixOptimizer For(Model model, IReadOnlyList<Parameter> parameters, double rate)
    {
        // Pruned weights have their places in the matrices too.
        var numbers = model.Trainables.Sum(tensor => tensor.numel());
        if (numbers > MostNumbers)
            throw new ArgumentException(
                string.Format(
                    CultureInfo.InvariantCulture,
                    "{0} keeps a matrix of all pairs of trained parameters, for at most {1:N0} of them; this model trains {2:N0}{3}: use {4}.",
                    nameof(TrainingOptimizer.FullMatrix), MostNumbers, numbers,
                    numbers == model.TrainableCount ? "" : ", those that pruning set to 0 among them", nameof(TrainingOptimizer.Adam)),
                nameof(TrainingOptions.Optimizer));
        using var noGradient = no_grad();
        // The coefficients of the loss stand behind what the model trains, and are a block of their own.
        return new(model.Blocks().Concat(parameters.Skip(model.Trainables.Count).Select((raw, index) =>
                (Tensor: model.Trainables.Count + index, First: 0L, Count: raw.numel())))
            .SelectMany(block => Block.Cut(parameters[block.Tensor], block.First, block.Count)), rate);
    }

    public override void Step()
    {
        using var noGradient = no_grad();
        steps++;
        var rate = Rate;
        var isRenewed = IsRenewedAt(steps);
        foreach (var block in blocks)
            block.Step(settings, steps, isRenewed, rate);
    }

    public override void Save(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(steps);
        foreach (var tensor in Remembered)
        {
            using var here = tensor.cpu();
            foreach (var part in TensorBytes.Parts(here))
                writer.Write(part.bytes);
        }
    }

    public override void Load(Stream saved)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        if (saved.Length != sizeof(long) + Remembered.Sum(tensor => tensor.numel() * sizeof(float)))
            throw new InvalidDataException("The matrices are of other sizes.");
        using var reader = new BinaryReader(saved, Encoding.UTF8, leaveOpen: true);
        steps = reader.ReadInt64();
        foreach (var tensor in Remembered)
        {
            var here = empty(tensor.shape, dtype: ScalarType.Float32, device: CPU);
            foreach (var part in TensorBytes.Parts(here))
                saved.ReadExactly(part.bytes);
            tensor.copy_(here);
        }
    }

    public override void Dispose()
    {
        foreach (var block in blocks)
            block.Dispose();
        foreach (var parameter in rates.parameters())
            parameter.Dispose();
        rates.Dispose();
    }

    /// <summary>
    /// The matrix changes fast at first, and slowly once it averages over many steps: its inverse power is taken anew after 1, 2, 4,
    /// ... 64 steps, then after every hundredth, and from the thousandth on after every 250.
    /// </summary>
    private static bool IsRenewedAt(long step) => step switch
    {
        < 100 => long.IsPow2(step),
        < 1_000 => step % 100 == 0,
        _ => step % 250 == 0,
    };

    /// <summary>Neighbouring numbers of a parameter, and what is remembered of their gradients.</summary>
    private sealed class Block : IDisposable
    {
        private readonly Parameter parameter;
        private readonly long first;
        private readonly long count;

        private Block(Parameter parameter, long first, long count)
        {
            (this.parameter, this.first, this.count) = (parameter, first, count);
            Mean = zeros(count, dtype: ScalarType.Float32, device: parameter.device).DetachFromDisposeScope();
            Curvature = zeros(count, count, dtype: ScalarType.Float32, device: parameter.device).DetachFromDisposeScope();
            InversePower = eye(count, dtype: ScalarType.Float32, device: parameter.device).DetachFromDisposeScope();
        }

        /// <summary>The gradient's running mean, shape (n).</summary>
        public Tensor Mean { get; }

        /// <summary>The running mean of the gradient's products, shape (n, n).</summary>
        public Tensor Curvature { get; }

        /// <summary>Its inverse power when it was last taken, shape (n, n).</summary>
        public Tensor InversePower { get; }

        /// <summary>Blocks of nearly equal length, none longer than the largest.</summary>
        public static IEnumerable<Block> Cut(Parameter parameter, long first, long count)
        {
            var number = (count + LargestBlock - 1) / LargestBlock;
            for (var index = 0L; index < number; index++)
            {
                var (from, to) = (count * index / number, count * (index + 1) / number);
                yield return new(parameter, first + from, to - from);
            }
        }

        public void Step(FullMatrixSettings settings, long steps, bool isRenewed, double rate)
        {
            if (parameter.grad is not { } whole)
                return;
            using var scope = NewDisposeScope();
            var gradient = whole.reshape(-1).narrow(0, first, count);
            FullMatrix.accumulate(settings, Curvature, gradient);
            // Held until the end: the collector may free a number that an operation has just been given and is still reading.
            using var momentum = settings.Momentum.ToScalar();
            using var rest = (1 - settings.Momentum).ToScalar();
            Mean.mul_(momentum).add_(gradient, rest);
            if (isRenewed)
                InversePower.copy_(FullMatrix.inversePower(settings, Curvature, steps));
            parameter.view(-1).narrow(0, first, count).add_(FullMatrix.step(settings, InversePower, Mean, rate));
        }

        public void Dispose()
        {
            Mean.Dispose();
            Curvature.Dispose();
            InversePower.Dispose();
        }
    }
}
