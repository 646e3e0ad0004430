using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// What is proven of a trained model: bounds, certificates and stability, each with every constant and its status. Distances are Euclidean in all
/// trained parameters together: the latent, and what else the model trains (scales, a head, low-rank factors).
/// </summary>
/// <remarks>
/// The bounds include the rounding of single precision, in generating the weights and in the pass, by the model of <c>TensorShift</c>: it is
/// an assumption about the machine. It excludes TF32, which libtorch lets convolutions use on CUDA until
/// <c>torch.backends.cudnn.allow_tf32</c> is false; nothing here checks that. Models that have no bound are refused by name: weights from a function of the user's, a custom
/// modulation, gates, a target network that is no chain of layers with Lipschitz rules. <see cref="Bounds"/> is about exact arithmetic and takes recurrent layers
/// and self-attention too; <see cref="Certify"/> and <see cref="OutputStability"/> refuse them, since nothing here bounds their rounding. A layer of the
/// user's own needs <see cref="Layer.Constants"/>.
/// </remarks>
/// <example><code>
/// var certificate = model.Certify(images);
/// Console.WriteLine(certificate.SmallestRadius);   // no prediction changes within it
/// </code></example>
public static class ModelCertificates
{
    /// <summary>How far the weights, and where a norm of inputs is given the outputs, can move within a radius around the trained parameters.</summary>
    /// <param name="model">The model.</param>
    /// <param name="radius">The radius, finite, at least 0.</param>
    /// <param name="inputNorm">The largest Euclidean norm of one input, finite, at least 0; null asks about the weights alone.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    /// <exception cref="NotSupportedException">No bound is known of how the model's weights move.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public static ModelBounds Bounds(this Model model, double radius, double? inputNorm = null)
    {
        Require(model, nameof(radius), radius);
        if (inputNorm is { } given)
            Require(model, nameof(inputNorm), given);
        var constants = new ModelConstants(model);
        var moves = constants.Shifts.Select(shift => shift.Move(radius)).ToArray();
        var shift = Rounding.raised(moves.Length + 4, Math.Sqrt(moves.Sum(move => move * move)));
        var outputs = inputNorm is not { } norm ? null
            : constants.MissingChain.Length > 0
                ? new("move of the outputs", double.PositiveInfinity, BoundStatus.NotEstablished, constants.MissingChain)
                : OutputsWithin(model, constants, shift, norm);
        return new(
            radius,
            constants.Following("move of the weights", shift, "bounds ||theta(p') - theta(p)|| within the radius, in exact arithmetic"),
            outputs,
            constants.Named(radius));
    }

    /// <summary>For each sample the radius within which no move of the trained parameters can change the prediction.</summary>
    /// <param name="model">A classifier: outputs of shape (N, classes), at least two.</param>
    /// <param name="input">A batch (N, ...) of at least one sample.</param>
    /// <exception cref="ArgumentException">The input is empty or does not fit the network, or its outputs are no class scores.</exception>
    /// <exception cref="NotSupportedException">No bound is known for the model or its network; the message names what stands in the way.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public static LatentCertificate Certify(this Model model, Tensor input)
    {
        var (constants, shown, outputs) = Passed(model, input);
        using var held = outputs;
        if (held.dim() != 2 || held.shape[1] < 2)
            throw new ArgumentException(
                $"'{model.Target.Name}' puts out {ShapeText.Of(held.shape)}; a prediction needs scores of at least two classes, (N, classes).", nameof(input));
        using var scope = NewDisposeScope();
        var (best, places) = held.topk(2, 1);
        var margins = (best.select(1, 0) - best.select(1, 1)).data<double>().ToArray();
        var predictions = places.select(1, 0).contiguous().data<long>().ToArray();
        double[] Radii(TensorShift[] shifts) =>
            [.. shown.Zip(margins, (sample, margin) => OutputShift.radius(constants.Steps, shifts, sample, margin))];
        var radii = Radii(constants.Shifts);
        var movers = model.Movers().ToArray();
        var alone = new Dictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal);
        foreach (var (name, moved) in movers)
            alone.Add(Free(name, alone.Keys), movers.Length == 1 ? radii : Radii(constants.ShiftsOf(moved)));
        return new(radii, alone, margins, predictions, constants.Named(radii.Order().ElementAt(radii.Length / 2)));
    }

    /// <summary>
    /// How far outputs move when normal noise is added to all trained parameters: a bound for each sample that holds with a probability, and
    /// the mean square over some draws.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="sigma">The noise's standard deviation, finite, at least 0.</param>
    /// <param name="input">A batch (N, ...) of at least one sample.</param>
    /// <param name="risk">The probability with which the bounds may fail, above 0 and below 1.</param>
    /// <param name="draws">How many draws the estimate is a mean of, at least 1.</param>
    /// <param name="seed">The seed of the draws.</param>
    /// <exception cref="ArgumentException">The input is empty or does not fit the network.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    /// <exception cref="NotSupportedException">No bound is known for the model or its network; the message names what stands in the way.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public static OutputNoise OutputStability(
        this Model model, double sigma, Tensor input, double risk = 1e-3, int draws = 16, ulong seed = 0)
    {
        Require(model, nameof(sigma), sigma);
        ArgumentOutOfRangeException.ThrowIfLessThan(draws, 1);
        var reach = OutputShift.noiseNorm(sigma, model.Trainables.Sum(tensor => tensor.numel()), risk);
        var (constants, shown, outputs) = Passed(model, input);
        outputs.Dispose();
        var moved = OutputShift.moved(constants.Shifts, reach);
        var bounds = shown.Select(sample =>
            OutputShift.outputs(constants.Steps, sample, moved, TensorShiftModule.unitRoundoff)
            + OutputShift.outputs(constants.Steps, sample, OutputShift.moved(constants.Shifts, 0), TensorShiftModule.unitRoundoff)).ToArray();
        return new(OutputShift.probability(risk), reach, bounds, Sampled(model, sigma, input, draws, seed), constants.Named(reach));
    }

    // A layer's name is anyone's choice, "scales" too.
    private static string Free(string name, IReadOnlyCollection<string> taken) =>
        taken.Contains(name) ? Enumerable.Range(2, taken.Count).Select(number => $"{name} ({number})").First(other => !taken.Contains(other)) : name;

    private static double[] Sampled(Model model, double sigma, Tensor input, int draws, ulong seed)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var aside = new TrainablesAside(model);
        var here = model.Predict(input);
        var sums = zeros(input.shape[0], dtype: ScalarType.Float64, device: CPU);
        var key = CounterHash.named("output-noise", CounterHash.ofSeed(seed));
        for (var draw = 0; draw < draws; draw++)
        {
            foreach (var (place, (tensor, value)) in model.Trainables.Zip(aside.Values).Index())
                tensor.copy_(value + MappingLoss.noise(CounterHash.child((ulong)place, key), draw, sigma, value.reshape(-1)).reshape(value.shape));
            sums.add_((model.Predict(input) - here).flatten(1).cpu().to_type(ScalarType.Float64).square().sum(1));
        }

        return [.. sums.data<double>().Select(sum => sum / draws)];
    }

    private static BoundConstant OutputsWithin(Model model, ModelConstants constants, double shift, double inputNorm)
    {
        using var theta = model.FlatWeights();
        // These weights were rounded; those of exact arithmetic, from which the shift is measured, lie so far from them.
        var rounded = Rounding.raised(constants.Shifts.Length + 8, Math.Sqrt(constants.Shifts.Sum(tensor => Math.Pow(tensor.Rounding.Invoke(0), 2))));
        if (!double.IsFinite(shift + rounded))
            return new("move of the outputs", double.PositiveInfinity, BoundStatus.NotEstablished, "no bound is known for the rounding of sums this long, or for a move this large");
        var lipschitz = NetworkLipschitz.weightLipschitz(constants.Chain.Description, theta, shift + rounded, inputNorm);
        // Where nothing bounds the slope, 0 times infinity is no number.
        var value = Rounding.raised(1, shift * lipschitz.Value);
        var isKnown = double.IsFinite(value);
        var moved = constants.Following(
            "move of the outputs", isKnown ? value : double.PositiveInfinity,
            "bounds ||f(x; theta(p')) - f(x; theta(p))|| within the radius for every input of at most the norm, in exact arithmetic");
        // Where the ball around the weights lies follows from the model of rounding.
        string[] reasons = [lipschitz.Reason, rounded > 0 ? "that generating the weights rounds as the model of single precision says is assumed" : ""];
        BoundStatus[] statuses = [moved.Status, lipschitz.Status, rounded > 0 ? BoundStatus.Assumed : BoundStatus.Proven];
        return moved with
        {
            Status = isKnown ? statuses.Max() : BoundStatus.NotEstablished,
            Meaning = string.Join("; ", reasons.Where(reason => reason.Length > 0).Prepend(moved.Meaning)),
        };
    }

    private static (ModelConstants Constants, double[][] Shown, Tensor Outputs) Passed(Model model, Tensor input)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(input);
        if (!input.IsInvalid && input.dim() > 0 && input.shape[0] == 0)
            throw new ArgumentException($"The input has the shape {ShapeText.Of(input.shape)}; there must be at least one sample.", nameof(input));
        // The pass in single precision refuses what does not fit.
        model.Predict(input).Dispose();
        if (input.is_floating_point() && !FiniteNumbers.AllIn(input))
            throw new ArgumentException("The input holds a number that is not finite; nothing is certified of it.", nameof(input));
        var constants = new ModelConstants(model);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        // What has no model of its rounding is refused before the work.
        _ = constants.Steps;
        var (shown, outputs) = constants.Shown(input);
        return (constants, shown, outputs.MoveToOuterDisposeScope());
    }

    private static void Require(Model model, string argument, double value)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.RequireAlive();
        if (!(value >= 0 && double.IsFinite(value)))
            throw new ArgumentOutOfRangeException(argument, value, "It must be a finite number of at least 0.");
    }
}
