using MappingNets.Tests.Repository;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>
/// Files of every format version, written by the versions of the library that wrote it, with what they made of them: tests/golden/README.md.
/// </summary>
public sealed class GoldenFormatsTests
{
    private static readonly string[] Banks = ["formats-0.1.0", "formats-version-2", "formats-version-3"];

    // What format version 3 got later: ways of fine-tuning, and buffers left to the base; files of a bank are never written again.
    private static readonly string[] Additions = ["scales-version-3", "buffers-version-3"];

    private static string Golden(string bank) => Path.Combine(RepositoryRoot.Path, "tests", "golden", bank);

    private static TargetNetwork Network() =>
        TargetNetwork.Input(1, 4, 4).Conv2d(2, 3).BatchNorm2d().ReLU().Flatten().Linear(6).Tanh().Linear(3).Build("small");

    public static TheoryData<string, string> Files
    {
        get
        {
            var files = new TheoryData<string, string>();
            foreach (var bank in Banks.Concat(Additions))
                foreach (var path in Directory.GetFileSystemEntries(Golden(bank)).Order(StringComparer.Ordinal))
                    if (Path.GetFileNameWithoutExtension(path) is not "expected" and var name)
                        files.Add(bank, name);
            return files;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_of_any_version_loads_with_its_numbers(string bank, string name)
    {
        using var scope = NewDisposeScope();
        var target = Network();
        using var pretrained = PretrainedWeights.FromFile(Path.Combine(Golden(bank), "base.safetensors"));
        var path = Path.Combine(Golden(bank), name);
        if (!Directory.Exists(path))
            path += ".safetensors";
        using var expected = SafetensorsFile.Read(Path.Combine(Golden(bank), "expected.safetensors"));

        if (name.StartsWith("base", StringComparison.Ordinal))
        {
            using var read = target.ReadWeights(path);
            Same(name, expected.Load(name), target.Layout.Join(read.Tensors));
            return;
        }

        using Model model = Loaded(name, path, target, pretrained);
        using var weights = model.FlatWeights();
        Same(name, expected.Load(name), weights);
        foreach (var (buffer, values) in target.Buffers.Zip(model.State.Tensors))
            Assert.Equal(Small.Values(expected.Load($"{name}.{buffer.Name}").to(float32)), Small.Values(values.to(float32)));
    }

    [Fact]
    public void The_banks_hold_what_they_should()
    {
        Assert.Equal(["mapped", "trained", "tuned", "base"], Files.Select(row => ((string)row[1]).Split('-')[0]).Distinct().Order(StringComparer.Ordinal)
            .OrderBy(kind => Array.IndexOf(["mapped", "trained", "tuned", "base"], kind)));
        foreach (var (bank, version) in Banks.Zip(["1", "2", "3"]))
        {
            var versions = Directory.GetFiles(Golden(bank), "*.safetensors", SearchOption.AllDirectories).Select(path =>
            {
                using var file = SafetensorsFile.Read(path);
                return file.Metadata.GetValueOrDefault("format_version");
            }).Where(found => found is not null).ToArray();
            Assert.True(versions.Length >= 15, bank);
            Assert.Equal(version, versions.Max(StringComparer.Ordinal));
        }
    }

    private static Model Loaded(string name, string path, TargetNetwork target, PretrainedWeights pretrained)
    {
        if (name.StartsWith("mapped", StringComparison.Ordinal))
            return MappedModel.LoadAdapter(path, target);
        if (name.StartsWith("tuned", StringComparison.Ordinal))
            return FineTunedModel.LoadAdapter(path, target, pretrained);
        var trained = GeneratedModel.For(target, "plain", [new("weights", zeros(target.ParameterCount))], tensors => tensors[0]);
        trained.LoadTrained(path);
        return trained;
    }

    // Bit for bit, except where libm or a matrix product may round in another way on another machine.
    private static void Same(string name, Tensor expected, Tensor found)
    {
        if (new[] { "dense", "tanh", "sine", "lora", "linear", "three-ways", "low-rank" }.Any(part => name.Contains(part, StringComparison.Ordinal)))
            Assert.All(Small.Values(expected).Zip(Small.Values(found)), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        else
            Assert.Equal(Small.Bits(expected), Small.Bits(found));
    }
}
