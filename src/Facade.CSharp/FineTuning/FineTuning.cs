using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Describes a fine-tuning of given weights: theta = theta_pretrained + what few trained parameters add. The parameters are a latent whose
/// mapping moves scales, shifts, biases and the head (<see cref="Scales"/>), latents that move groups of weights (<see cref="Groups"/>), a
/// latent whose mapping is added (<see cref="Mapping"/>), factors of low rank (<see cref="LowRank"/>), the weights themselves
/// (<see cref="WholeWeights"/>), gates of channels (<see cref="Gates"/>), or several of these for different layers. Every step returns a new description.
/// </summary>
/// <example>
/// <code>
/// using var pretrained = PretrainedWeights.FromFile("resnet.safetensors");
/// using var model = FineTuning.Of(target, pretrained)
///     .Scales(8192).LowRank(1, layers: ["layer4"]).WithSeed(7).Build();
/// </code>
/// </example>
public sealed class FineTuning
{
    private readonly TargetNetwork target;
    private readonly PretrainedWeights pretrained;
    private IReadOnlyList<FineTuningForm> forms = [];
    private IReadOnlyList<string>? layers;
    private IReadOnlyList<string>? newHead;
    private HeadTraining? head;
    private GradientProbe? probe;
    private ulong seed;
    private bool isStreamed;

    private FineTuning(TargetNetwork target, PretrainedWeights pretrained) => (this.target, this.pretrained) = (target, pretrained);

    /// <summary>Starts a description that changes nothing yet: say next what is trained.</summary>
    /// <param name="target">The network.</param>
    /// <param name="pretrained">Where its weights start; copied when the model is built, or with <see cref="Streamed"/> left in their file.</param>
    /// <exception cref="ObjectDisposedException">The pretrained weights are disposed.</exception>
    public static FineTuning Of(TargetNetwork target, PretrainedWeights pretrained)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(pretrained);
        pretrained.RequireAlive();
        return new(target, pretrained);
    }

    /// <summary>
    /// Generates the change of the scales and shifts of all normalisations, of all biases and of the head through mappings of two latents:
    /// theta = theta_pretrained + s (W z), started at z = 0, with s = strength times the standard deviation of the tensor's own
    /// pretrained values, or strength / sqrt(fan-in) for a new head and for a tensor whose values are all equal. These few weights
    /// decide most of what a network can be adapted to. The head (a new one, or the last layer) has the latent "latent2", of five eighths of the
    /// parameters but no more than it has weights; all else has "latent1". Where only one of the two is changed there is one, "latent". A head that is
    /// started anew is moved too, unless <see cref="WithNewHead"/> says otherwise, so the parameters can be fewer than its weights.
    /// </summary>
    /// <param name="parameters">How many are trained, from 1 (with <see cref="SplitByGradient"/> from the number of layers) to the number of these weights; null: 8,192, or as many.</param>
    /// <param name="strength">
    /// How far a parameter of 1 moves a weight outside the head, in deviations of its tensor, from 1e-30 to 1e30; the default suits Adam's default rate here.
    /// </param>
    /// <param name="fixedWeights">The family of W.</param>
    /// <param name="layers">
    /// Patterns of the layers whose scales, shifts, biases and head are changed; where null, those of <see cref="Layers"/> that no way with layers
    /// of its own changes.
    /// </param>
    /// <param name="headStrength">
    /// The same for the head, which learns too fast with the others' (docs/experiments-log.md), times the root of how many of its weights share a parameter;
    /// in the same range.
    /// </param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range, or there is no such family.</exception>
    public FineTuning Scales(
        int? parameters = null,
        double strength = 3,
        FixedWeightsKind fixedWeights = FixedWeightsKind.SignedPermutation,
        IReadOnlyList<string>? layers = null,
        double headStrength = 0.5)
    {
        CheckMapped(parameters, fixedWeights);
        return With(new ScalesForm(
            parameters, StoredNumber.Strength(strength, nameof(strength)), StoredNumber.Strength(headStrength, nameof(headStrength)), fixedWeights, Checked(layers)));
    }

    /// <summary>
    /// Multiplies each channel c of the chosen matrices and convolutions: W_c (1 + o_c), with all o = strength (W z) from one mapping of one
    /// latent, started at z = 0. A channel is an entry of the tensor's first dimension: an output, but for a transposed convolution and
    /// for a factor of MatMul in an ONNX file, where it is an input.
    /// </summary>
    /// <param name="parameters">How many are trained, from 1 to the number of channels; where null, 8,192 or as many as there are channels.</param>
    /// <param name="strength">How far a parameter of 1 moves a gate from 1, from 1e-30 to 1e30.</param>
    /// <param name="fixedWeights">The family of W.</param>
    /// <param name="layers">As for <see cref="Groups"/>; scales, shifts and biases stay.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range, or there is no such family.</exception>
    public FineTuning Gates(
        int? parameters = null,
        double strength = 1,
        FixedWeightsKind fixedWeights = FixedWeightsKind.SignedPermutation,
        IReadOnlyList<string>? layers = null)
    {
        CheckMapped(parameters, fixedWeights);
        return With(new GatesForm(parameters, StoredNumber.Strength(strength, nameof(strength)), fixedWeights, Checked(layers)));
    }

    /// <summary>Lets each of K latents move a group of L weights: theta = theta_pretrained + alpha * o[group(i)].</summary>
    /// <param name="latents">K, the number of groups; at least 1.</param>
    /// <param name="groupSize">L, how many weights each latent moves; at least 1.</param>
    /// <param name="strength">
    /// alpha: how far a latent of 1 moves a weight, from 1e-30 to 1e30; where null, 20 / L^0.9, which suits Adam's default rate here.
    /// </param>
    /// <param name="grouping">Which weights form a group.</param>
    /// <param name="layers">Patterns of the layers to change; where null, all of <see cref="Layers"/> that nothing else changes.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range; <see cref="Build"/> holds them to the chosen layers.</exception>
    public FineTuning Groups(
        int latents,
        long groupSize = 1,
        double? strength = null,
        WeightGrouping grouping = WeightGrouping.Contiguous,
        IReadOnlyList<string>? layers = null)
    {
        if (latents < 1)
            throw new ArgumentOutOfRangeException(nameof(latents), latents, "There must be at least 1 latent.");
        if (groupSize < 1)
            throw new ArgumentOutOfRangeException(nameof(groupSize), groupSize, "Each latent must move at least 1 weight.");
        if (!Enum.IsDefined(grouping))
            throw new ArgumentOutOfRangeException(nameof(grouping), grouping, "There is no such grouping.");
        // Found on held-out images: one weight may move far, the many of a group move together and less.
        var alpha = strength is { } given ? StoredNumber.Strength(given, nameof(strength)) : 20 / Math.Pow(groupSize, 0.9);
        return With(new GroupsForm(latents, groupSize, alpha, grouping, Checked(layers)));
    }

    /// <summary>
    /// Adds what a mapping generates: theta = theta_pretrained + g(z), with the bias 0 and a start at z = 0, so that training starts at
    /// the given weights.
    /// </summary>
    /// <param name="describe">
    /// The steps that describe the mapping, such as <c>m => m.LayerWise(512).WithFixedWeights(FixedWeightsKind.Hadamard)</c>. They get a
    /// description of the chosen layers with the seed of <see cref="WithSeed"/>, and run in <see cref="Build"/>. Streaming is not theirs to choose:
    /// say <see cref="Streamed"/> of the fine-tuning.
    /// </param>
    /// <param name="strength">What the scale of every tensor is multiplied by, from 1e-30 to 1e30; the default suits Adam's default rate here.</param>
    /// <param name="layers">As for <see cref="Groups"/>.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The strength is out of range.</exception>
    public FineTuning Mapping(Func<MappingNetwork, MappingNetwork> describe, double strength = 20, IReadOnlyList<string>? layers = null)
    {
        ArgumentNullException.ThrowIfNull(describe);
        return With(new MappingForm(describe, StoredNumber.Strength(strength, nameof(strength)), Checked(layers)));
    }

    /// <summary>
    /// Adds factors of low rank (LoRA, Hu et al. 2021): W + s B A for each matrix or convolution, seen as a matrix of outputs by
    /// everything else. A starts at random, B at 0.
    /// </summary>
    /// <param name="rank">The rank of every matrix, at least 1; cut to a matrix's smaller side.</param>
    /// <param name="strength">
    /// s, from 1e-30 to 1e30. PEFT's lora_alpha is s times the rank: r = 8 with lora_alpha = 16 there is rank 8 with strength 2 here.
    /// </param>
    /// <param name="layers">As for <see cref="Groups"/>; their biases stay.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rank or the strength is out of range.</exception>
    public FineTuning LowRank(int rank, double strength = 1, IReadOnlyList<string>? layers = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        return With(new LowRankForm(rank, 0, StoredNumber.Strength(strength, nameof(strength)), Checked(layers)));
    }

    /// <summary>
    /// The same, with ranks that spend a number of trained parameters: in rounds from the last layer to the first, each matrix gets one
    /// more wherever it still fits. A matrix that never fits stays.
    /// </summary>
    /// <param name="budget">How many parameters may be trained so; enough for rank 1 of the smallest matrix.</param>
    /// <param name="strength">s, from 1e-30 to 1e30.</param>
    /// <param name="layers">As for <see cref="LowRank"/>.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The budget is below 1, or the strength is out of range; <see cref="Build"/> refuses a budget that buys nothing.</exception>
    public FineTuning LowRankWithin(long budget, double strength = 1, IReadOnlyList<string>? layers = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(budget, 1);
        return With(new LowRankForm(null, budget, StoredNumber.Strength(strength, nameof(strength)), Checked(layers)));
    }

    /// <summary>Trains every weight of the chosen layers itself; alone and without layers it is full fine-tuning.</summary>
    /// <param name="layers">Patterns of the layers; where there is none, all of <see cref="Layers"/> that nothing else changes.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    public FineTuning WholeWeights(params string[] layers)
    {
        ArgumentNullException.ThrowIfNull(layers);
        return With(new WholeWeightsForm(layers.Length == 0 ? null : Checked(layers)));
    }

    /// <summary>The layers that the ways without layers of their own change; until then all.</summary>
    /// <param name="patterns">
    /// Names of layers or tensors, with * for any characters: "fc*", "layer4" (a whole block), "conv1.bias"; "all" for every one.
    /// </param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    public FineTuning Layers(params string[] patterns) => With(copy => copy.layers = Checked(patterns, nameof(patterns)));

    /// <summary>
    /// Starts layers anew instead of taking them from the pretrained weights. Without this step the last layer is started anew
    /// where its shape differs, as it does when the number of classes changes, and each of its weights is trained itself (or
    /// moved by <see cref="Scales"/>).
    /// </summary>
    /// <param name="training">Whether each of its weights is trained itself or it is changed like the other layers.</param>
    /// <param name="patterns">Names as for <see cref="Layers"/>; none for the last layer; <see cref="Build"/> refuses that where its shape is the pretrained one.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such way to train a head.</exception>
    public FineTuning WithNewHead(HeadTraining training, params string[] patterns)
    {
        if (!Enum.IsDefined(training))
            throw new ArgumentOutOfRangeException(nameof(training), training, "There is no such way to train a head.");
        ArgumentNullException.ThrowIfNull(patterns);
        return With(copy => (copy.head, copy.newHead) = (training, patterns.Length == 0 ? null : Checked(patterns, nameof(patterns))));
    }

    /// <summary>
    /// Lets <see cref="Scales"/> have a latent for each layer in place of two for all, and shares its parameters out by the gradient of the loss at
    /// the start: one a layer, the rest in proportion to sqrt(E P), E the sum of (s_k dL/dtheta_i)^2 over the layer's P weights. Measured in
    /// <see cref="Build"/>, in evaluation mode; an adapter keeps the shares.
    /// </summary>
    /// <param name="inputs">Some hundred samples, a batch (N, ...) for each of the network's inputs; read in Build, all at once.</param>
    /// <param name="loss">From the outputs (N, ...) to the loss of these samples, such as <c>y => functional.cross_entropy(y, labels)</c>.</param>
    /// <exception cref="ArgumentException">There is no input.</exception>
    public FineTuning SplitByGradient(IReadOnlyList<Tensor> inputs, Func<Tensor, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(loss);
        if (inputs.Count == 0)
            throw new ArgumentException("There is no input; give a batch for each of the network's inputs.", nameof(inputs));
        return With(copy => copy.probe = new([.. inputs], loss));
    }

    /// <summary>The seed of all that is drawn: hashed groups, a mapping's fixed weights, low rank's A and a new head.</summary>
    /// <param name="seed">Any number.</param>
    public FineTuning WithSeed(ulong seed) => With(copy => copy.seed = seed);

    /// <summary>
    /// Streaming: each layer's weights are read from the base and changed when the layer computes, and forgotten afterwards, forth and back. With a
    /// base on disk (<see cref="PretrainedWeights.OnDisk"/>) training takes the memory of the largest layer's weights and gradients instead of all
    /// weights'. Gradients and trained results have the bits of the same fine-tuning without streaming, and an adapter does not tell the two apart.
    /// </summary>
    /// <returns>
    /// The description; <see cref="Build"/> refuses what cannot be streamed: ways beside <see cref="Scales"/>, <see cref="Mapping"/> and
    /// <see cref="WholeWeights"/>, <see cref="SplitByGradient"/>, and networks whose layers do not follow one another.
    /// </returns>
    public FineTuning Streamed() => With(copy => copy.isStreamed = true);

    /// <summary>Builds the model, which starts as the pretrained network (and a new head).</summary>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="InvalidOperationException">Nothing to train was chosen.</exception>
    /// <exception cref="ArgumentException">
    /// The pretrained weights do not fit the target; two ways would change the same tensor; something that was chosen would have no
    /// effect; the chosen layers have fewer weights than latents are to move, or no matrix; a budget buys no rank; a strength carries a gain or a scale
    /// beyond what an adapter holds, 1e-30 to 1e30; the samples or the loss of
    /// <see cref="SplitByGradient"/> do not fit, or its gradient is 0 everywhere or not finite; the weights are to be streamed and cannot be, or stay in their file and are not streamed.
    /// </exception>
    /// <exception cref="CheckpointFormatException">The file of the pretrained weights has a tensor that the network needs in a type that holds no weights, or was written to.</exception>
    /// <exception cref="ObjectDisposedException">The pretrained weights are disposed.</exception>
    public FineTunedModel Build(Device? device = null)
    {
        if (forms.Count == 0)
            throw new InvalidOperationException(
                "Nothing is trained yet: say Scales, Gates, Groups, Mapping, LowRank, LowRankWithin or WholeWeights before Build.");
        if (isStreamed && probe is not null)
            StreamedWeights.Require(target, "SplitByGradient measures the gradients of all weights at once");
        var baseWeights = FineTuningBase.Of(target, pretrained, newHead, seed, device ?? CPU, isStreamed);
        try
        {
            return new(baseWeights, FineTuningPlanner.Configure(baseWeights, forms, layers, head, seed, probe), device ?? CPU, isStreamed);
        }
        catch
        {
            baseWeights.Dispose();
            throw;
        }
    }

    private static void CheckMapped(int? parameters, FixedWeightsKind fixedWeights)
    {
        if (parameters < 1)
            throw new ArgumentOutOfRangeException(nameof(parameters), parameters, "There must be at least 1 parameter.");
        if (!Enum.IsDefined(fixedWeights))
            throw new ArgumentOutOfRangeException(nameof(fixedWeights), fixedWeights, "There is no such family of fixed weights.");
    }

    private IReadOnlyList<string>? Checked(IReadOnlyList<string>? patterns, string argument = nameof(layers))
    {
        if (patterns is null && argument == nameof(layers))
            return null;
        LayerPatterns.Select(target, patterns!, argument);
        return [.. patterns!];
    }

    private FineTuning With(FineTuningForm form) => With(copy => copy.forms = [.. forms, form]);

    private FineTuning With(Action<FineTuning> change)
    {
        var copy = (FineTuning)MemberwiseClone();
        change(copy);
        return copy;
    }
}
