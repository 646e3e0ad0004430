using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends a table of a vector for each token: whole numbers (...) -> (..., features). It must be the first layer; the network
    /// then takes token ids as int64. The weight "weight" (tokens, features) is PyTorch's, and so is its start, which has no fan-in:
    /// a mapping generates it within 1 / sqrt(features).
    /// </summary>
    /// <param name="tokens">How many tokens there are, at least 1; ids run from 0 to this number less one.</param>
    /// <param name="features">The length of a token's vector, at least 1.</param>
    /// <param name="name">The layer's name, or null for "embedding1", ...</param>
    /// <exception cref="ArgumentException">A number is out of range or a layer stands before it.</exception>
    public TargetNetworkBuilder Embedding(long tokens, long features, string? name = null) =>
        Add(new EmbeddingLayer(tokens, features, name));
}

/// <summary>A vector for each token: (N, ...) of int64 -> (N, ..., features).</summary>
internal sealed class EmbeddingLayer(long tokens, long features, string? name) : Layer(name)
{
    public override string Kind => "Embedding";

    public override string NamePrefix => "embedding";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.NewEmbeddingLayer(at.Name);

    public override bool TakesWholeNumbers => true;

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(tokens >= 1, $"tokens is {tokens}; it must be at least 1.");
        Require(features >= 1, $"features is {features}; it must be at least 1.");
        return [.. input, features];
    }

    public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) =>
        [new("weight", [tokens, features], features)];

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        RequireKnown(input);
        return parameters[0].index_select(0, input.reshape(-1)).reshape([.. input.shape, features]).MoveToOuterDisposeScope();
    }

    public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        nn.Embedding_from_pretrained(Copied(parameters[0]), freeze: false);

    // On a GPU an id out of range would spoil the process's whole context.
    private void RequireKnown(Tensor input)
    {
        using var noGradient = no_grad();
        if (input.numel() == 0)
            return;
        var (smallest, largest) = (input.min().item<long>(), input.max().item<long>());
        if (smallest < 0 || largest >= tokens)
            throw new ArgumentException(
                $"The input holds the token {(smallest < 0 ? smallest : largest)}; ids run from 0 to {tokens - 1}.", nameof(input));
    }
}
