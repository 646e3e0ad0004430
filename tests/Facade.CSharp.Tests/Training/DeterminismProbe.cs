using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>
/// The entry point of this assembly: run as a program it trains each kind of model for 20 steps and prints the hash of its
/// bits, for the test that compares processes.
/// </summary>
internal static class DeterminismProbe
{
    public static int Main(string[] arguments)
    {
        if (arguments is ["culture", var culture])
        {
            Console.WriteLine(Repository.CultureProbe.Report(culture));
            return 0;
        }

        if (arguments is ["memory", var loader, var folder])
        {
            Console.WriteLine(LoaderMemoryProbe.Growth(loader, folder));
            return 0;
        }

        if (arguments is not ["default-type", var type])
        {
            Console.WriteLine(Digest());
            return 0;
        }

        // Another test's probe: torch's default type is one per process.
        set_default_dtype(Enum.Parse<ScalarType>(type));
        Console.WriteLine(DefaultTypeProbe.Digest());
        return 0;
    }

    public static string Digest()
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var classes = Small.Classes(80);
        var images = Dataset.FromTensors(arange(80 * 36).to(float32).sin().reshape(80, 1, 6, 6), arange(80) % 4, ["a", "b", "c", "d"]);
        var options = new TrainingOptions { Epochs = 2, BatchSize = 8, Seed = 3, Loss = LossOptions.Complete };
        (MappingNetwork Description, Dataset Data)[] runs =
        [
            (MappingNetwork.For(Small.Classifier()).SingleLatent(24), classes),
            (MappingNetwork.For(Small.Classifier()).LayerWise(24).WithFixedWeights(FixedWeightsKind.Hadamard).WithTrainableScales(), classes),
            (MappingNetwork.For(Small.Images()).SingleLatent(24).WithAdditiveModulation(0.01).WithActivation(MappingActivation.Tanh), images),
        ];
        foreach (var (description, data) in runs)
        {
            using var model = description.WithSeed(5).Build();
            Assert.Equal(20, new Trainer(model, options).Fit(data).Steps);
            hash.AppendData(MemoryMarshal.AsBytes<float>(Small.State(model)));
            hash.AppendData(MemoryMarshal.AsBytes<float>(Small.Values(model.FlatWeights())));
        }

        using var direct = DirectModel.For(Small.Images(), seed: 5);
        new Trainer(direct, options with { Loss = LossOptions.TaskOnly }).Fit(images);
        hash.AppendData(MemoryMarshal.AsBytes<float>(Small.State(direct)));
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}

public sealed class DeterminismTests
{
    [Fact]
    public void The_same_seed_gives_the_same_bits_in_two_processes_and_in_this_one()
    {
        var here = DeterminismProbe.Digest();

        Assert.Equal([here, here], [InAnotherProcess(), InAnotherProcess()]);
    }

    private static string InAnotherProcess() => ChildProcess.Run("dotnet", [typeof(DeterminismProbe).Assembly.Location]).Trim();
}
