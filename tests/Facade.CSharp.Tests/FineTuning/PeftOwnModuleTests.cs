using System.Text.Json.Nodes;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>
/// Adapters of PEFT for modules of the user's with frozen parameters, with tensors of several names and with convolutions, which PEFT treats in its own way.
/// </summary>
public sealed class PeftOwnModuleTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Folder => folder.File("peft");

    /// <summary>Two layers of one matrix, and one normalisation in two places.</summary>
    private sealed class Tied : nn.Module<Tensor, Tensor>
    {
        private readonly Linear first;
        private readonly Linear second;
        private readonly BatchNorm1d norm;
        private readonly BatchNorm1d again;
        private readonly Linear head;

        public Tied()
            : base("tied")
        {
            (first, second, norm, head) = (nn.Linear(4, 4), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 3));
            second.weight = first.weight!;
            again = norm;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => head.call(again.call(second.call(norm.call(first.call(input)).tanh())));
    }

    private static nn.Module<Tensor, Tensor> Nested(params string[] frozen)
    {
        var module = nn.Sequential(
            ("backbone", nn.Sequential(("fc", nn.Linear(4, 5)))), ("tanh", nn.Tanh()), ("fc", nn.Linear(5, 5)), ("head", nn.Linear(5, 3)));
        foreach (var name in frozen)
            module.get_parameter(name)!.requires_grad = false;
        return module;
    }

    private static FineTunedModel Tuned(ModuleTarget target, string adapted, string? saved)
    {
        using var pretrained = PretrainedWeights.Of(target);
        var described = FineTuning.Of(target, pretrained).LowRank(1, layers: [adapted]);
        return (saved is null ? described : described.WholeWeights(saved)).Build();
    }

    private string Refusal(FineTunedModel model)
    {
        var message = Assert.Throws<InvalidOperationException>(() => model.SavePeftAdapter(Folder)).Message;
        Assert.False(Directory.Exists(Folder));
        Assert.Contains("SaveAdapter writes it for this library", message);
        return message;
    }

    [Theory]
    [InlineData("first", null, "'first.weight' is used as 'second.weight' too")]
    [InlineData("head", "first", "'first.weight' is used as 'second.weight' too")]
    [InlineData("head", "second.bias", "'first.weight' is used as 'second.weight' too")]
    [InlineData("head", "norm", "' is used as 'again.")]
    public void What_PEFT_would_change_in_one_of_its_places_only_is_not_written(string adapted, string? saved, string why)
    {
        using var scope = NewDisposeScope();
        using var module = new Tied();
        using var target = TargetNetwork.From(module, zeros(2, 4), "tied");
        using var model = Tuned(target, adapted, saved);

        var message = Refusal(model);

        Assert.Contains(why, message);
        Assert.Contains("PEFT would change it in one place only", message);
    }

    [Fact]
    public void Ties_that_the_adapter_leaves_alone_do_not_matter()
    {
        using var scope = NewDisposeScope();
        using var module = new Tied();
        using var target = TargetNetwork.From(module, zeros(2, 4), "tied");
        using var model = Tuned(target, "head", null);
        AssertComesBack(model, target);
    }

    [Fact]
    public void A_module_that_is_stored_whole_has_no_frozen_parameter()
    {
        using var scope = NewDisposeScope();
        using var module = Nested("fc.bias");
        using var target = TargetNetwork.From(module, zeros(2, 4), "nested");
        using var model = Tuned(target, "head", "fc");

        Assert.Contains("'fc.bias' is frozen, and its module has tensors that are trained themselves", Refusal(model));
    }

    [Fact]
    public void A_module_of_frozen_parameters_alone_has_a_name_too()
    {
        using var scope = NewDisposeScope();
        using var module = Nested("backbone.fc.weight", "backbone.fc.bias");
        using var target = TargetNetwork.From(module, zeros(2, 4), "nested");
        using (var model = Tuned(target, "head", "fc"))
            Assert.Contains("PEFT takes that name for every module whose name ends with it, 'backbone.fc' among them", Refusal(model));

        using var adapted = Tuned(target, "fc", null);
        adapted.SavePeftAdapter(Folder);
        // A plain "fc" would be "backbone.fc" to PEFT too.
        var configuration = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "adapter_config.json")))!;
        Assert.Equal("(fc)", (string?)configuration["target_modules"]);
    }

    private void AssertComesBack(FineTunedModel model, ModuleTarget target)
    {
        model.SavePeftAdapter(Folder);
        using var pretrained = PretrainedWeights.Of(target);
        using var again = FineTunedModel.LoadPeftAdapter(Folder, target, pretrained);
        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(again.FlatWeights));
    }

    private static Conv2d Convolution(string kind) => kind switch
    {
        "dilated" => nn.Conv2d(2, 4, 3, dilation: 2),
        "dilated along one axis" => nn.Conv2d(2, 4, (1, 3), dilation: (1, 2)),
        "reflecting" => nn.Conv2d(2, 4, 3, padding: 1, padding_mode: PaddingModes.Reflect),
        "circular" => nn.Conv2d(2, 4, 3, Padding.Same, padding_mode: PaddingModes.Circular),
        "of kernels of one place" => nn.Conv2d(2, 4, 1, dilation: 2, padding_mode: PaddingModes.Replicate),
        "dilated along an axis of one place" => nn.Conv2d(2, 4, (1, 3), dilation: (2, 1)),
        "plain" => nn.Conv2d(2, 4, 3),
        "plain along one axis" => nn.Conv2d(2, 4, (1, 3)),
        _ => throw new InvalidOperationException(kind),
    };

    private static ModuleTarget Convolving(string kind) => TargetNetwork.From(nn.Sequential(("conv", Convolution(kind))), zeros(1, 2, 7, 7), "convolving");

    // PEFT's factor A is a convolution of the layer's kernel, stride and padding, and pads with zeros.
    [Theory]
    [InlineData("dilated", "plain", "is a convolution of the dilation (2, 2)")]
    [InlineData("dilated along one axis", "plain along one axis", "is a convolution of the dilation (1, 2)")]
    [InlineData("reflecting", "plain", "is a convolution that pads in the mode 'reflect'")]
    [InlineData("circular", "plain", "is a convolution that pads in the mode 'circular'")]
    public void A_convolution_that_PEFTs_factors_do_not_follow_is_neither_written_nor_read(string kind, string alike, string why)
    {
        using var scope = NewDisposeScope();
        using var target = Convolving(kind);
        using (var model = Tuned(target, "conv", null))
            Assert.Contains($"'conv' {why}", Refusal(model));

        // One whose tensors have the same names and shapes.
        using (var plain = Convolving(alike))
        using (var model = Tuned(plain, "conv", null))
            model.SavePeftAdapter(Folder);
        using var pretrained = PretrainedWeights.Of(target);
        Assert.Contains(
            $"'conv', which {why}", Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadPeftAdapter(Folder, target, pretrained)).Message);
    }

    [Theory]
    [InlineData("of kernels of one place")]
    [InlineData("dilated along an axis of one place")]
    public void Dilation_and_padding_that_change_nothing_do_not_matter(string kind)
    {
        using var scope = NewDisposeScope();
        using var target = Convolving(kind);
        using var model = Tuned(target, "conv", null);
        AssertComesBack(model, target);
    }

    [Fact]
    public void A_disposed_target_with_frozen_parameters_says_so()
    {
        using var scope = NewDisposeScope();
        using var module = Nested("backbone.fc.weight");
        var target = TargetNetwork.From(module, zeros(2, 4), "nested");
        using var model = Tuned(target, "head", null);
        target.Dispose();

        Assert.Contains("'nested' was disposed", Assert.Throws<ObjectDisposedException>(() => model.SavePeftAdapter(Folder)).Message);
        Assert.False(Directory.Exists(Folder));
    }
}
