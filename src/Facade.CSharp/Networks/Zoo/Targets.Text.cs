namespace MappingNets;

/// <content>Networks for text.</content>
public static partial class Targets
{
    /// <summary>
    /// A decoder in the shape of GPT-2 (Radford et al. 2019): from token ids, int64 of shape (length), scores of each next token, (vocabulary, length), so
    /// that cross-entropy takes a label for each place. Token and position vectors, blocks of causal attention and of two linear layers with
    /// GELU between them, each behind a layer norm and beside a shortcut, a last norm and a linear layer without bias. Without dropout; the last layer has
    /// weights of its own where GPT-2 shares the tokens' vectors.
    /// </summary>
    /// <param name="vocabulary">How many tokens there are, at least 1; GPT-2 has 50,257.</param>
    /// <param name="length">How many tokens a sample has, at least 1.</param>
    /// <param name="features">The length of a token's vector, a multiple of the heads.</param>
    /// <param name="depth">The number of blocks, at least 1.</param>
    /// <param name="heads">The number of heads, at least 1.</param>
    /// <exception cref="ArgumentException">A number is out of range or does not divide.</exception>
    public static TargetNetwork Decoder(long vocabulary = 50_257, long length = 128, long features = 128, int depth = 4, long heads = 4)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(depth, 1);
        return TargetNetwork.Input(length)
            .Embedding(vocabulary, features, name: "wte")
            .PositionEmbedding(name: "wpe")
            .Sequence("h", blocks => Enumerable.Range(0, depth).Aggregate(
                blocks,
                (part, number) => part.Sequence(
                    number.ToString(System.Globalization.CultureInfo.InvariantCulture), block => DecoderBlock(block, heads))))
            .LayerNorm(1e-5, name: "ln_f")
            .Linear(vocabulary, bias: false, name: "lm_head")
            .SwapAxes()
            .Build("decoder");
    }

    private static TargetNetworkBuilder DecoderBlock(TargetNetworkBuilder block, long heads)
    {
        var features = block.Shape[1];
        return block
            .Residual(body => body.LayerNorm(1e-5, name: "ln_1").CausalSelfAttention(heads, name: "attn"), name: "")
            .Residual(
                body => body.LayerNorm(1e-5, name: "ln_2")
                    .Sequence("mlp", part => part.Linear(4 * features, name: "c_fc").Gelu().Linear(features, name: "c_proj")),
                name: "");
    }
}
