using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>How long the state after an epoch is, as far as it is known before the first step: a run must not lose an epoch to show that it is too long.</summary>
internal static class StateLength
{
    /// <summary>So many bytes at least: those of a <see cref="ResumeFile"/> without its header, times and history.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">How it is trained.</param>
    /// <exception cref="ArgumentException">The optimiser cannot train the model.</exception>
    /// <exception cref="NotSupportedException">The optimiser cannot write down what it remembers.</exception>
    public static long AtLeast(Model model, TrainingOptions options)
    {
        using var loss = new StepLoss(model, options);
        var parameters = TrainingRun.OptimisedParameters(model, loss);
        using var optimizer = options.Optimizer.Build(model, parameters, loss.Raw, options);
        using var average = StateAverage.For(model, options);
        using var lastGood = new LastGoodState(parameters, model.State.Tensors);
        using var remembered = new CountingStream();
        optimizer.Save(remembered);
        return BytesOf(parameters) + BytesOf(model.State.Tensors) + BytesOf(lastGood.Values) + BytesOf(average?.Means ?? [])
            + (options.RestoreBest ? BytesOf(model.Changing) : 0) + remembered.Length + BytesOf(YetToRemember(optimizer.Rates));
    }

    private static long BytesOf(IEnumerable<Tensor> tensors) => tensors.Sum(tensor => tensor.numel() * tensor.element_size());

    // Others make the tensors that they remember when they are built; SGD makes those of its momentum in the first step, for the parameters it was given.
    private static IEnumerable<Tensor> YetToRemember(optim.Optimizer optimizer) =>
        optimizer is SGD && optimizer.ParamGroups.All(group => group is optim.IMomentum { Momentum: > 0 }) ? optimizer.parameters() : [];

    /// <summary>Counts what is written, and forgets it.</summary>
    private sealed class CountingStream : Stream
    {
        private long count;

        public override bool CanRead => false;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => count;

        public override long Position
        {
            get => count;
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer) => count += buffer.Length;

        public override void Write(byte[] buffer, int offset, int length) => count += length;

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int length) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
