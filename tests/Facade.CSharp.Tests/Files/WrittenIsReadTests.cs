using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MappingNets.Tests;

/// <summary>
/// What the library writes it reads again, for every kind of file and whatever the state: or it refuses to write. States are drawn at
/// random and hold tiny, huge and sometimes infinite numbers, masks and counters.
/// </summary>
public sealed class WrittenIsReadTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>Attention with a causal mask of -inf and a constant NaN, as users' modules have them.</summary>
    private sealed class Masked : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> inner = Linear(3, 3);

        public Masked()
            : base("Masked")
        {
            register_buffer("mask", full(4, 4, float.NegativeInfinity).triu(1));
            register_buffer("running", zeros(3));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var hidden = inner.call(input);
            return softmax(hidden.bmm(hidden.transpose(1, 2)) + get_buffer("mask")!, -1).bmm(hidden).mean([1]) + get_buffer("running")!;
        }
    }

    private sealed class Draw(int seed)
    {
        private readonly Random random = new(seed);

        public bool OneIn(int times) => random.Next(times) == 0;

        public int Below(int limit) => random.Next(limit);

        public void Fill(Tensor tensor, bool mayBreak)
        {
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();
            var values = new float[tensor.numel()];
            for (var index = 0; index < values.Length; index++)
                values[index] = random.Next(8) switch
                {
                    0 => 0,
                    1 => -0f,
                    2 => float.Epsilon * random.Next(100),
                    3 => (float)(random.NextDouble() - 0.5) * 1e30f,
                    _ => (float)(random.NextDouble() - 0.5),
                };
            if (mayBreak && values.Length > 0 && OneIn(8))
                values[random.Next(values.Length)] = OneIn(2) ? float.NaN : float.PositiveInfinity;
            tensor.copy_(torch.tensor(values).view(tensor.shape).to(tensor.dtype));
        }
    }

    private static void Shuffle(Model model, Draw draw)
    {
        foreach (var trained in model.Trainables)
            draw.Fill(trained, mayBreak: true);
        foreach (var (buffer, values) in model.Target.Buffers.Zip(model.State.Tensors))
            if (buffer.Name != "mask" && values.is_floating_point())
                draw.Fill(values, mayBreak: true);
    }

    /// <summary>Writes and reads; a refusal to write leaves nothing behind.</summary>
    private bool RoundTrip(Model model, Action<string> save, Func<string, Model> load, bool isExact)
    {
        var path = folder.File("it");
        try
        {
            save(path);
        }
        catch (InvalidOperationException refusal)
        {
            Assert.Contains("not written", refusal.Message);
            Assert.False(Path.Exists(path));
            return false;
        }

        using (var loaded = load(path))
        {
            if (isExact)
                Assert.Equal(Small.State(model).Select(BitConverter.SingleToInt32Bits), Small.State(loaded).Select(BitConverter.SingleToInt32Bits));
            foreach (var (one, other) in model.State.Tensors.Zip(loaded.State.Tensors))
                Assert.Equal(one.bytes.ToArray(), other.bytes.ToArray());
        }

        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        else
            File.Delete(path);
        return true;
    }

    /// <summary>A linear layer and a buffer that its pass does not read.</summary>
    private sealed class Buffered : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> inner = Linear(3, 3);

        public Buffered(Tensor buffer)
            : base("Buffered")
        {
            register_buffer("buffer", buffer);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => inner.call(input);
    }

    [Theory]
    [InlineData(ScalarType.Float16, double.NegativeInfinity)]
    [InlineData(ScalarType.BFloat16, 0.1)]
    [InlineData(ScalarType.Float64, 0.1)]
    [InlineData(ScalarType.Float32, double.PositiveInfinity)]
    [InlineData(ScalarType.Bool, 1d)]
    [InlineData(ScalarType.Byte, 7d)]
    [InlineData(ScalarType.Int64, -7d)]
    [InlineData(ScalarType.Float32, null)]
    public void With_a_buffer_of_any_type_or_an_empty_one(ScalarType type, double? value)
    {
        using var scope = NewDisposeScope();
        using var module = new Buffered(value is { } first ? tensor(new[] { first, 1 }).to(type) : zeros(0, dtype: type));
        using var target = TargetNetwork.From(module, randn(2, 3));
        using var model = MappingNetwork.For(target).SingleLatent(4).Build();

        Assert.True(RoundTrip(model, path => model.SaveAdapter(path), path => MappedModel.LoadAdapter(path, target), isExact: true));
        model.Export(folder.File("export"));
        target.ReadWeights(folder.File("export")).Dispose();
        using var pretrained = PretrainedWeights.FromFile(folder.File("export"));
        using var tuned = FineTuning.Of(target, pretrained).Groups(3).Build();
        Assert.True(RoundTrip(tuned, path => tuned.SaveAdapterFolder(path), path => FineTunedModel.LoadAdapter(path, target, pretrained), isExact: true));
    }

    [Fact]
    public void In_every_kind_of_file()
    {
        using var scope = NewDisposeScope();
        using var module = new Masked();
        using var borrowed = TargetNetwork.From(module, randn(2, 4, 3));
        var built = TargetNetwork.Input(1, 4, 4).Conv2d(2, 3).BatchNorm2d().Dropout(0.5).Flatten().Linear(3).Build("built");
        var (written, refused) = (0, 0);
        for (var seed = 0; seed < 120; seed++)
        {
            var draw = new Draw(seed);
            TargetNetwork target = draw.OneIn(2) ? borrowed : built;
            var precision = (StoredPrecision)draw.Below(4);
            var isExact = precision == StoredPrecision.Single;
            using var start = DirectModel.For(target, 1);
            using var pretrained = PretrainedWeights.Of(start);
            var ok = (seed % 6) switch
            {
                0 => With(MappingNetwork.For(target).SingleLatent(5).Build(), model => RoundTrip(
                    model, path => model.SaveAdapter(path, precision), path => MappedModel.LoadAdapter(path, target), isExact)),
                1 => With(MappingNetwork.For(target).SingleLatent(5).WithTrainableScales().Build(), model => RoundTrip(
                    model, path => model.SaveAdapterFolder(path, precision), path => MappedModel.LoadAdapter(path, target), isExact)),
                2 => With(FineTuning.Of(target, pretrained).Groups(4).Build(), model => RoundTrip(
                    model, path => model.SaveAdapter(path, precision), path => FineTunedModel.LoadAdapter(path, target, pretrained), isExact)),
                3 => With(FineTuning.Of(target, pretrained).LowRank(1).Build(), model => RoundTrip(
                    model, path => model.SaveAdapterFolder(path, precision), path => FineTunedModel.LoadAdapter(path, target, pretrained), isExact)),
                4 => With(Generated(target), model => RoundTrip(model, path => model.SaveTrained(path, precision), path =>
                {
                    var into = Generated(target);
                    into.LoadTrained(path);
                    return into;
                }, isExact)),
                _ => With(DirectModel.For(target, 1), model => RoundTrip(model, path => model.Export(path, precision), path =>
                {
                    using var weights = PretrainedWeights.FromFile(path);
                    return FineTuning.Of(target, weights).WholeWeights().Build();
                }, isExact: false)),
            };
            if (ok)
                written++;
            else
                refused++;

            bool With<TModel>(TModel model, Func<TModel, bool> use)
                where TModel : Model
            {
                using (model)
                {
                    Shuffle(model, draw);
                    return use(model);
                }
            }
        }

        Assert.InRange(written, 20, 100);
        Assert.InRange(refused, 10, 100);
    }

    [Fact]
    public void A_mask_of_minus_infinity_comes_back_and_an_infinite_running_statistic_is_not_written()
    {
        using var scope = NewDisposeScope();
        using var module = new Masked();
        using var target = TargetNetwork.From(module, randn(2, 4, 3));
        using var model = MappingNetwork.For(target).SingleLatent(5).Build();
        model.SaveAdapter(folder.File("adapter"));
        model.Export(folder.File("export"));

        using var loaded = MappedModel.LoadAdapter(folder.File("adapter"), target);
        using var weights = target.ReadWeights(folder.File("export"));
        Assert.Equal(6, loaded.State["mask"].isinf().sum().ToInt64());
        Assert.Equal(6, weights.State["mask"].isinf().sum().ToInt64());

        model.State["running"][1] = float.PositiveInfinity;
        foreach (var save in new Action[] { () => model.SaveAdapter(folder.File("bad")), () => model.SaveAdapterFolder(folder.File("bad")), () => model.Export(folder.File("bad")) })
            Assert.Contains("'running'", Assert.Throws<InvalidOperationException>(save).Message);
        Assert.False(Path.Exists(folder.File("bad")));

        // And from a file, where the network starts with a finite number.
        Signed.Change(folder.File("adapter"), tensors: tensors => tensors["buffers.running"][1] = float.NegativeInfinity);
        Assert.Contains("'buffers.running'", Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(folder.File("adapter"), target)).Message);
        Signed.Change(folder.File("export"), tensors: tensors => tensors["running"][1] = float.NegativeInfinity);
        using var pretrained = PretrainedWeights.FromFile(folder.File("export"));
        Assert.Contains("'running'", Assert.Throws<ArgumentException>(() => FineTuning.Of(target, pretrained).Groups(2).Build()).Message);
        Signed.Change(folder.File("export"), tensors: tensors => tensors["running"][1] = float.NaN);
        Assert.Contains("not finite", Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromFile(folder.File("export"))).Message);
    }

    private static GeneratedModel Generated(TargetNetwork target) =>
        GeneratedModel.For(target, "plain", [new("weights", zeros(target.ParameterCount))], trained => trained[0]);
}
