using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

// What the optimiser remembers, which may be more than an array holds.
public sealed partial class ResumeTests
{
    /// <summary>What a run consists of at its start, and its file with small pieces.</summary>
    private sealed class Beginning : IDisposable
    {
        private readonly StepLoss loss;
        private readonly BestState best;
        private readonly LastGoodState lastGood;
        private readonly ResumeFile resume;

        public Beginning(TrainingOptions options, Dataset data, string file, int pieceBytes)
        {
            loss = new(Model, options);
            Optimizer = options.Optimizer.Build(Model, TrainingRun.OptimisedParameters(Model, loss), loss.Raw, options);
            best = new(Model, options);
            lastGood = new(Model.Trainables, []);
            resume = new(
                new FileRunStore(file), Model, RunIdentity.Settings(Model, options, data, null), new(new(), loss, Optimizer, best, null, lastGood), pieceBytes);
        }

        public MappedModel Model { get; } = Small.Slvt();

        public StepOptimizer Optimizer { get; }

        public void Step()
        {
            Model.Latent.grad = linspace(-1, 2, 24, dtype: float32);
            Optimizer.Step();
        }

        public void Save() => resume.Save();

        public void Restore(TrainingOptions options) => resume.Restore(options, options.Schedule.Start(Optimizer.Rates, 10), 5);

        public byte[] Remembered()
        {
            using var scope = NewDisposeScope();
            using var stream = new TensorStream(1 << 20);
            Optimizer.Save(stream);
            return Assert.Single(stream.Written()).bytes.ToArray();
        }

        public void Dispose()
        {
            resume.Dispose();
            lastGood.Dispose();
            best.Dispose();
            Optimizer.Dispose();
            loss.Dispose();
            Model.Dispose();
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_the_optimiser_remembers_is_stored_in_as_many_pieces_as_it_takes(bool isSecondOrder)
    {
        const int PieceBytes = 100;
        var options = Short with { Optimizer = isSecondOrder ? TrainingOptimizer.FullMatrix : TrainingOptimizer.Adam };
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        var file = folder.File("run.safetensors");
        using var first = new Beginning(options, data, file, PieceBytes);
        first.Step();
        first.Save();
        var remembered = first.Remembered();

        using var second = new Beginning(options, data, file, PieceBytes);
        second.Restore(options);

        Assert.Equal(remembered, second.Remembered());
        Assert.Equal(Small.State(first.Model), Small.State(second.Model));
        using var read = SafetensorsFile.Read(file);
        var pieces = read.Entries.Where(entry => entry.Name.StartsWith("optimizer", StringComparison.Ordinal)).ToArray();
        Assert.Equal((remembered.Length + PieceBytes - 1) / PieceBytes, pieces.Length);
        Assert.Equal(remembered.Length, pieces.Sum(piece => piece.ByteCount));
        Assert.All(pieces, piece => Assert.InRange(piece.ByteCount, 1, PieceBytes));
    }
}
