namespace MappingNets;

public static partial class Targets
{
    /// <summary>
    /// VGG-19: 3 x 224 x 224 -> classes; sixteen 3x3 convolutions with five poolings, then 25,088-4,096-4,096-classes, without
    /// dropout. 143,667,240 weights with 1,000 classes.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">There is no class.</exception>
    public static TargetNetwork Vgg19(long classes = 1000)
    {
        (long Channels, int Convolutions)[] stages = [(64, 2), (128, 2), (256, 4), (512, 4), (512, 4)];
        return TargetNetwork.Input(3, 224, 224)
            .Sequence("features", features => stages.Aggregate(features, (part, stage) =>
            {
                for (var number = 0; number < stage.Convolutions; number++)
                    part = part.Conv2d(stage.Channels, 3, padding: 1).ReLU();
                return part.MaxPool2d(2);
            }))
            .Flatten()
            // The places that torchvision's dropout has in the numbering stay empty.
            .Sequence("classifier", part => part
                .Linear(4096, name: "0").ReLU(name: "1")
                .Linear(4096, name: "3").ReLU(name: "4")
                .Linear(classes, name: "6"))
            .Build("vgg19");
    }

    /// <summary>
    /// A vision transformer, by the names of torchvision's: patches as tokens, a class token, learnt positions, and blocks of
    /// self-attention and a perceptron, each behind a layer norm and beside a skip. 2,693,578 weights as it stands by default.
    /// </summary>
    /// <param name="classes">The number of outputs, at least 1.</param>
    /// <param name="channels">The image's channels, at least 1.</param>
    /// <param name="side">The image's side in pixels, a multiple of the patch.</param>
    /// <param name="patch">The patch's side in pixels, at least 1.</param>
    /// <param name="features">The length of a token, a multiple of the heads.</param>
    /// <param name="depth">The number of blocks, at least 1.</param>
    /// <param name="heads">The number of heads, at least 1.</param>
    /// <exception cref="ArgumentException">A number is out of range or does not divide.</exception>
    public static TargetNetwork VisionTransformer(
        long classes = 10, long channels = 3, long side = 32, long patch = 4, long features = 192, int depth = 6, long heads = 3)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(patch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(depth, 1);
        RequireMultiple(side, patch, nameof(side));
        return TargetNetwork.Input(channels, side, side)
            .Conv2d(features, patch, stride: patch, name: "conv_proj")
            .Tokens()
            .ClassToken(name: "class_token")
            .Sequence("encoder", encoder => encoder
                .PositionEmbedding(name: "pos_embedding")
                .Sequence("layers", layers => Enumerable.Range(0, depth).Aggregate(
                    layers,
                    (part, number) => part.Sequence($"encoder_layer_{number}", block => EncoderBlock(block, heads))))
                .LayerNorm(1e-6, name: "ln"))
            .FirstToken()
            .Sequence("heads", part => part.Linear(classes, name: "head"))
            .Build("vision-transformer");
    }

    private static TargetNetworkBuilder EncoderBlock(TargetNetworkBuilder block, long heads)
    {
        var features = block.Shape[1];
        return block
            .Residual(body => body.LayerNorm(1e-6, name: "ln_1").SelfAttention(heads, name: "self_attention"), name: "")
            .Residual(
                body => body.LayerNorm(1e-6, name: "ln_2")
                    .Sequence("mlp", part => part.Linear(4 * features, name: "0").Gelu(name: "1").Linear(features, name: "3")),
                name: "");
    }
}
