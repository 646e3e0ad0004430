using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The hash of a file's content: what carries it, and what it notices.</summary>
public sealed class ContentHashTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Path => folder.File("it.safetensors");

    private static MappedModel Model() => MappingNetwork.For(Small.Classifier()).SingleLatent(6).StartingWithin(1).Build();

    [Fact]
    public void Every_flipped_bit_of_an_adapter_is_noticed_or_changes_nothing()
    {
        using var model = Model();
        model.SaveAdapter(Path);
        var expected = FineTuned.Bits(model.FlatWeights);
        var whole = File.ReadAllBytes(Path);

        var loaded = 0;
        for (var bit = 0; bit < 8 * whole.Length; bit++)
        {
            var flipped = (byte[])whole.Clone();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            folder.Write("flipped.safetensors", flipped);
            try
            {
                using var other = MappedModel.LoadAdapter(folder.File("flipped.safetensors"), Small.Classifier());
                Assert.Equal(expected, FineTuned.Bits(other.FlatWeights));
                loaded++;
            }
            catch (CheckpointFormatException)
            {
            }
        }

        // Spaces that pad the header, and little else.
        Assert.InRange(loaded, 0, 40);
    }

    public static TheoryData<string> Kinds => ["mapped", "half", "fine-tuned", "trained", "export", "host"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_changed_number_or_text_is_refused_in_every_kind_of_file(string kind)
    {
        using var scope = NewDisposeScope();
        using var pretrained = FineTuned.Pretrained();
        var read = Saved(kind, pretrained);
        read();
        Dictionary<string, string> metadata;
        Dictionary<string, Tensor> tensors;
        using (var file = SafetensorsFile.Read(Path))
            (metadata, tensors) = (new(file.Metadata), new(file.LoadAll()));

        var changed = tensors.First(pair => pair.Value.numel() > 0);
        var other = new Dictionary<string, Tensor>(tensors) { [changed.Key] = changed.Value.flip(0) + changed.Value.sign().to(changed.Value.dtype) };
        SafetensorsFile.Write(Path, [.. other.Select(pair => (pair.Key, pair.Value))], metadata);
        Assert.Contains("does not have the SHA-256", Assert.Throws<CheckpointFormatException>(read).Message);

        SafetensorsFile.Write(
            Path, [.. tensors.Select(pair => (pair.Key, pair.Value))], new Dictionary<string, string>(metadata) { ["target"] = "another", ["format"] = metadata["format"], ["more"] = "" });
        Assert.Contains("does not have the SHA-256", Assert.Throws<CheckpointFormatException>(read).Message);
    }

    private Action Saved(string kind, PretrainedWeights pretrained)
    {
        switch (kind)
        {
            case "fine-tuned" or "host":
                using (var tuned = FineTuned.Trained("groups", pretrained))
                    tuned.SaveAdapter(Path);
                return () =>
                {
                    using var host = new AdapterHost(Small.Classifier(), pretrained);
                    if (kind == "host")
                        host.Add("it", Path);
                    else
                        FineTunedModel.LoadAdapter(Path, Small.Classifier(), pretrained).Dispose();
                };
            case "trained":
                using (var trained = GeneratedModelTests.Subspace(24, start: 0.5f))
                    trained.SaveTrained(Path);
                return () =>
                {
                    using var into = GeneratedModelTests.Subspace(24);
                    into.LoadTrained(Path);
                };
            case "export":
                using (var model = Model())
                    model.Export(Path);
                return () =>
                {
                    Small.Classifier().ReadWeights(Path).Dispose();
                    PretrainedWeights.FromFile(Path).Dispose();
                };
            default:
                using (var model = Model())
                    model.SaveAdapter(Path, kind == "half" ? StoredPrecision.Half : StoredPrecision.Single);
                return () => MappedModel.LoadAdapter(Path, Small.Classifier()).Dispose();
        }
    }

    [Fact]
    public void A_file_of_version_3_without_its_hash_is_refused()
    {
        using var model = Model();
        model.SaveAdapter(Path);
        Signed.Change(Path, metadata => metadata.Remove(ContentHash.MetadataKey));

        Assert.Contains("carries the SHA-256", Refusal());
    }

    [Fact]
    public void Unknown_fields_are_refused_unless_the_file_lets_readers_ignore_them()
    {
        using var model = Model();
        model.SaveAdapter(Path);
        Signed.Change(Path, metadata => metadata["later"] = "1");
        Assert.Contains("has the field 'later', which this library does not know", Refusal());

        Signed.Change(Path, metadata => metadata["optional_fields"] = "[\"later\"]");
        using var loaded = MappedModel.LoadAdapter(Path, Small.Classifier());
        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));

        Signed.Change(Path, metadata => metadata["optional_fields"] = "later");
        Assert.Contains("that are no list of names", Refusal());
        // Inside a description nothing may be ignored.
        Signed.Change(Path, metadata =>
        {
            metadata["optional_fields"] = "[\"later\"]";
            metadata["mapping"] = metadata["mapping"].Replace("\"seed\"", "\"later\":1,\"seed\"");
        });
        Assert.Contains("damaged description", Refusal());
    }

    [Fact]
    public void The_hash_is_over_the_content_as_docs_define_it_and_not_over_its_layout()
    {
        using var scope = NewDisposeScope();
        // Worked out by hand from docs/files.md with another program (tests/golden/content_sha256.py).
        var metadata = new Dictionary<string, string> { ["format"] = "pt", ["b"] = "é" };
        var hash = TensorFile.HashOf([("w", tensor([1f, 2])), ("n", tensor(7L))], metadata);

        Assert.Equal("477e36fdb1537cb38441a20736596ddebba05db7ffee92df897b328f497c3660", hash);
        SafetensorsFile.Write(Path, [("n", tensor(7L)), ("w", tensor([1f, 2]))], metadata);
        using var file = SafetensorsFile.Read(Path);
        Assert.Equal(hash, file.HashContent());
    }

    private string Refusal() =>
        Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(Path, Small.Classifier())).Message;
}
