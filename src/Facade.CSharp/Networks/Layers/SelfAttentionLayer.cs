using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends multi-head self-attention: (tokens, features) -> the same shape. Weights by the names of PyTorch's
    /// MultiheadAttention: in_proj_weight, in_proj_bias, out_proj.weight, out_proj.bias.
    /// </summary>
    /// <param name="heads">How many heads share the features; must divide them.</param>
    /// <param name="name">The layer's name, or null for "attention1", "attention2", ...</param>
    /// <exception cref="ArgumentException">The heads do not divide the features, or the input is no sequence of tokens.</exception>
    public TargetNetworkBuilder SelfAttention(long heads, string? name = null) =>
        Add(new SelfAttentionLayer(heads, isCausal: false, name));

    /// <summary>
    /// Appends multi-head self-attention in which each token sees itself and those before it, as in a decoder that predicts the next
    /// token: (tokens, features) -> the same shape. Weights as for <see cref="SelfAttention"/>. There is no certificate for it.
    /// </summary>
    /// <param name="heads">How many heads share the features; must divide them.</param>
    /// <param name="name">The layer's name, or null for "attention1", "attention2", ...</param>
    /// <exception cref="ArgumentException">The heads do not divide the features, or the input is no sequence of tokens.</exception>
    public TargetNetworkBuilder CausalSelfAttention(long heads, string? name = null) =>
        Add(new SelfAttentionLayer(heads, isCausal: true, name));
}

/// <summary>Multi-head self-attention, over all tokens or each token's past: (N, tokens, features) -> the same shape.</summary>
internal sealed class SelfAttentionLayer(long heads, bool isCausal, string? name) : Layer(name)
{
    /// <summary>How many heads share the features.</summary>
    internal long Heads => heads;

    /// <summary>Whether a token sees only itself and those before it.</summary>
    internal bool IsCausal => isCausal;

    public override string Kind => isCausal ? "CausalMultiheadAttention" : "MultiheadAttention";

    public override string Settings => FormattableString.Invariant($"heads {heads}");

    public override string NamePrefix => "attention";

    // The bound is for a softmax over all tokens.
    internal override TargetLayer? Rule(LayerPlace at) => isCausal ? base.Rule(at) : TargetLayer.NewSelfAttentionLayer(at.Name, heads);

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(input.Count == 2, "it needs tokens of shape (tokens, features).");
        Require(heads >= 1, $"heads is {heads}; it must be at least 1.");
        Require(input[1] % heads == 0, $"{input[1]} features cannot be shared equally by {heads} heads.");
        return input;
    }

    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input)
    {
        var features = input[1];
        return
        [
            new("in_proj_weight", [3 * features, features], features),
            new("in_proj_bias", [3 * features], features),
            new("out_proj.weight", [features, features], features),
            new("out_proj.bias", [features], features),
        ];
    }

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        var (count, tokens, features) = (input.shape[0], input.shape[1], input.shape[2]);
        // (N, tokens, 3 features) -> three times (N, heads, tokens, features per head).
        var parts = nn.functional.linear(input, parameters[0], parameters[1])
            .reshape(count, tokens, 3, heads, features / heads).permute(2, 0, 3, 1, 4).unbind(0);
        var attended = nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_casual: isCausal);
        var joined = attended.transpose(1, 2).reshape(count, tokens, features);
        return nn.functional.linear(joined, parameters[2], parameters[3]).MoveToOuterDisposeScope();
    }

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        new PlainLayer(this, [.. Parameters(input).Select(parameter => parameter.Name)], parameters);
}
