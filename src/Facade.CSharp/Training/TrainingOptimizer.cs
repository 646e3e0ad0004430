using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What turns gradients into steps: ready-made ones, and any optimiser of TorchSharp's but LBFGS that one builds oneself.</summary>
/// <example>
/// <code>
/// new TrainingOptions { Optimizer = TrainingOptimizer.AdamW, WeightDecay = 0.05 }
/// new TrainingOptions { Optimizer = TrainingOptimizer.Of("RMSProp 1e-3", parameters => torch.optim.RMSProp(parameters, 1e-3)) }
/// </code>
/// </example>
public sealed class TrainingOptimizer
{
    private const double UsualAdamWDecay = 0.01;

    private readonly Kind kind;
    private readonly (double First, double Second) betas;
    private readonly (double Momentum, bool IsNesterov) descent;
    private readonly Func<IReadOnlyList<Parameter>, optim.Optimizer>? build;

    private TrainingOptimizer(
        string name,
        Kind kind,
        (double First, double Second) betas = default,
        (double Momentum, bool IsNesterov) descent = default,
        Func<IReadOnlyList<Parameter>, optim.Optimizer>? build = null) =>
        (Name, this.kind, this.betas, this.descent, this.build) = (name, kind, betas, descent, build);

    private enum Kind
    {
        Adam,
        AdamW,
        Sgd,
        FullMatrix,
        Own,
    }

    /// <summary>What reports and resume files call it.</summary>
    public string Name { get; }

    /// <summary>
    /// Adam: a running mean and a mean square for each trained parameter, with the bits of <c>torch.optim.Adam</c>. Weight decay adds to
    /// the gradient.
    /// </summary>
    public static TrainingOptimizer Adam { get; } = new("Adam", Kind.Adam, (0.9, 0.999));

    /// <summary>
    /// Adam with decoupled weight decay, 0.01 where <see cref="TrainingOptions.WeightDecay"/> names none, with the bits of
    /// <c>torch.optim.AdamW</c>.
    /// </summary>
    public static TrainingOptimizer AdamW { get; } = new("AdamW", Kind.AdamW, (0.9, 0.999));

    /// <summary>
    /// Full-matrix Adam, for the few parameters of a latent: steps are scaled by the inverse square root of the whole matrix of the
    /// gradient's second moments (d x d for each latent vector, in blocks of at most 1,024), where Adam has its diagonal alone, and their
    /// length by the learning rate. No second derivative is taken. It needs fewer epochs than Adam and ends better (docs/experiments-log.md). For models that train at most 16,384
    /// parameters, pruned ones among them; it remembers at most 8 KB for each. It takes no weight decay.
    /// </summary>
    public static TrainingOptimizer FullMatrix { get; } = new("FullMatrix", Kind.FullMatrix);

    /// <summary>Stochastic gradient descent. Weight decay adds to the gradient.</summary>
    /// <param name="momentum">How much of the last step's direction stays, from 0 to below 1.</param>
    /// <param name="nesterov">Whether the gradient counts ahead of the step; needs momentum.</param>
    /// <exception cref="ArgumentOutOfRangeException">The momentum is out of range.</exception>
    /// <exception cref="ArgumentException">Nesterov's form is asked for without momentum.</exception>
    public static TrainingOptimizer Sgd(double momentum = 0.9, bool nesterov = false)
    {
        RequireShare(momentum, nameof(momentum));
        if (nesterov && momentum == 0)
            throw new ArgumentException("Nesterov's form needs momentum.", nameof(nesterov));
        return new(
            FormattableString.Invariant($"SGD (momentum {momentum}{(nesterov ? ", Nesterov" : "")})"), Kind.Sgd, descent: (momentum, nesterov));
    }

    /// <summary>
    /// An optimiser of TorchSharp's, or one's own that derives from <c>torch.optim.Optimizer</c> and whose step needs no closure. LBFGS evaluates
    /// the loss several times in a step, so <see cref="Trainer.Fit"/> refuses it: use <see cref="FullMatrix"/>, or LBFGS in a loop of your own.
    /// </summary>
    /// <param name="name">
    /// What reports and resume files call it, not blank: a run goes on from its file only with an optimiser of the same name.
    /// </param>
    /// <param name="build">
    /// From the parameters, which are the model's and, where coefficients of <see cref="TrainingOptions.Loss"/> are trained, those last, to
    /// a new optimiser, which the trainer disposes. Learning rate and weight decay are given here, to each group of parameters its own;
    /// the schedule moves the groups' rates together.
    /// </param>
    /// <exception cref="ArgumentException">The name is blank.</exception>
    public static TrainingOptimizer Of(string name, Func<IReadOnlyList<Parameter>, optim.Optimizer> build)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(build);
        return new(name, Kind.Own, build: build);
    }

    /// <summary>The same with other decay rates of the running means; for <see cref="Adam"/> and <see cref="AdamW"/>.</summary>
    /// <param name="first">Of the mean, from 0 to below 1; usually 0.9.</param>
    /// <param name="second">Of the mean square, from 0 to below 1; usually 0.999.</param>
    /// <exception cref="ArgumentOutOfRangeException">A rate is out of range.</exception>
    /// <exception cref="InvalidOperationException">This optimiser has none.</exception>
    public TrainingOptimizer WithBetas(double first, double second)
    {
        if (kind is not (Kind.Adam or Kind.AdamW))
            throw new InvalidOperationException($"{Name} has no betas; Adam and AdamW have.");
        RequireShare(first, nameof(first));
        RequireShare(second, nameof(second));
        return new(FormattableString.Invariant($"{kind} (betas {first} {second})"), kind, (first, second));
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    /// <summary>Refuses options that it cannot follow.</summary>
    internal void Check(TrainingOptions options)
    {
        if (kind == Kind.Own && options.LearningRate is { } rate)
            throw new ArgumentException(
                FormattableString.Invariant($"The rate is {rate}, but the optimiser '{Name}' is built with its own; give it there."),
                nameof(TrainingOptions.LearningRate));
        if (kind is Kind.Own or Kind.FullMatrix && options.WeightDecay is { } decay)
            throw new ArgumentException(
                FormattableString.Invariant($"The weight decay is {decay}, but ")
                + (kind == Kind.Own ? $"the optimiser '{Name}' is built with its own; give it there." : $"{Name} takes none; leave it null."),
                nameof(TrainingOptions.WeightDecay));
    }

    /// <summary>The rate that the resume file and the first report name.</summary>
    internal string RateText(Model model, TrainingOptions options) => kind == Kind.Own
        ? "the optimiser's own"
        : FormattableString.Invariant($"{options.LearningRate ?? model.DefaultLearningRate}");

    /// <summary>The decay that the resume file names.</summary>
    internal string DecayText(TrainingOptions options) => kind == Kind.Own
        ? "the optimiser's own"
        : FormattableString.Invariant($"{Decay(options)}");

    /// <summary>The optimiser for a run.</summary>
    /// <param name="model">Whose parameters are trained.</param>
    /// <param name="parameters">These parameters and, last, the trained coefficients of the loss.</param>
    /// <param name="coefficients">These coefficients, which no weight decay pulls; null where none is trained.</param>
    /// <param name="options">Rate and weight decay.</param>
    /// <exception cref="ArgumentException">The model trains too many parameters for it, or the user's function builds none or an LBFGS.</exception>
    internal StepOptimizer Build(Model model, IReadOnlyList<Parameter> parameters, Parameter? coefficients, TrainingOptions options)
    {
        var rate = options.LearningRate ?? model.DefaultLearningRate;
        var decay = Decay(options);
        // One group where one is enough.
        IReadOnlyList<(IReadOnlyList<Parameter> Parameters, double Decay)> groups = coefficients is null || decay == 0
            ? [(parameters, decay)]
            : [([.. parameters.Where(parameter => !ReferenceEquals(parameter, coefficients))], decay), ([coefficients], 0)];
        return kind switch
        {
            Kind.FullMatrix => FullMatrixOptimizer.For(model, parameters, rate),
            Kind.Adam => new TorchOptimizer(new FusedAdam(
                groups.Select(group => new Adam.ParamGroup(group.Parameters, rate, betas.First, betas.Second, weight_decay: group.Decay)), rate)),
            Kind.AdamW => new TorchOptimizer(new FusedAdamW(
                groups.Select(group => new AdamW.ParamGroup(group.Parameters, rate, betas.First, betas.Second, weight_decay: group.Decay)), rate)),
            Kind.Sgd => new TorchOptimizer(new SGD(
                groups.Select(group => new SGD.ParamGroup(
                    group.Parameters, rate, descent.Momentum, weight_decay: group.Decay, nesterov: descent.IsNesterov)), rate)),
            _ => new TorchOptimizer(Own(parameters)),
        };
    }

    private optim.Optimizer Own(IReadOnlyList<Parameter> parameters)
    {
        var optimizer = build!(parameters)
            ?? throw new ArgumentException($"The function of the optimiser '{Name}' builds null.", nameof(TrainingOptions.Optimizer));
        if (optimizer is not LBFGS)
            return optimizer;
        optimizer.Dispose();
        throw new ArgumentException(
            $"The function of the optimiser '{Name}' builds an LBFGS, whose step evaluates the loss several times through a closure; a step of the "
            + $"trainer has one gradient. Use {nameof(TrainingOptimizer)}.{nameof(FullMatrix)}, or a loop of your own.",
            nameof(TrainingOptions.Optimizer));
    }

    private double Decay(TrainingOptions options) => options.WeightDecay ?? (kind == Kind.AdamW ? UsualAdamWDecay : 0);

    private static void RequireShare(double share, string argument)
    {
        if (!(share >= 0 && share < 1))
            throw new ArgumentOutOfRangeException(argument, share, "It must be from 0 to below 1.");
    }
}
