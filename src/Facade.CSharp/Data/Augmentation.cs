using System.Globalization;
using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Random changes of pictures while a network is trained on them. Immutable; steps are applied in the order in which they were added. What a
/// step does to a sample depends on the seed, the epoch and the sample's place in its data set, not on the batch, a thread or torch's generator.
/// Where each pixel has a label, steps that move pixels move their labels alike, and pixels without one have <see cref="Dataset.IgnoredLabel"/>.
/// </summary>
public sealed class Augmentation
{
    private readonly Step[] steps;

    private Augmentation(Step[] steps) => this.steps = steps;

    /// <summary>No change; begin here.</summary>
    public static Augmentation None { get; } = new([]);

    /// <summary>One change: of pictures, and of labels of pixels, which is null where nobody knows what becomes of them.</summary>
    private sealed record Step(string Name, Func<Tensor, Draws, Tensor> Apply, Func<Tensor, Draws, Tensor>? ApplyToLabels)
    {
        /// <summary>The height and width that it cuts out; null where it keeps them.</summary>
        public (int Height, int Width)? Size { get; init; }
    }

    /// <summary>Mirrors left and right in some of the samples.</summary>
    /// <param name="share">Which share of them, from 0 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of range.</exception>
    public Augmentation FlipHorizontally(double share = 0.5) =>
        WithMove("flip horizontally", Share(share, nameof(share)), (picture, draws) => draws.Next() < share ? picture.flip(-1) : picture);

    /// <summary>Mirrors top and bottom in some of the samples.</summary>
    /// <param name="share">Which share of them, from 0 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of range.</exception>
    public Augmentation FlipVertically(double share = 0.5) =>
        WithMove("flip vertically", Share(share, nameof(share)), (picture, draws) => draws.Next() < share ? picture.flip(-2) : picture);

    /// <summary>
    /// Cuts a rectangle out at a random place, so that batches have pictures of its size. What is held out of an augmented data set is not cut:
    /// give data of that size to evaluate on.
    /// </summary>
    /// <param name="height">The rectangle's height in pixels, at least 1 and at most the pictures'.</param>
    /// <param name="width">Its width, at least 1 and at most the pictures'.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 1.</exception>
    public Augmentation Crop(int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        Tensor Cut(Tensor picture, Draws draws)
        {
            var (top, left) = (draws.Below((int)(picture.shape[^2] - height + 1)), draws.Below((int)(picture.shape[^1] - width + 1)));
            return picture.narrow(-2, top, height).narrow(-1, left, width);
        }

        return With(new($"crop {height} {width}", Cut, Cut) { Size = (height, width) });
    }

    /// <summary>Moves the picture by up to some pixels each way; what comes in from outside is 0, the mean of normalised pixels.</summary>
    /// <param name="pixels">The farthest, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is below 1.</exception>
    public Augmentation Shift(int pixels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pixels, 1);
        Tensor Moved(Tensor picture, Draws draws, long outside)
        {
            var (down, right) = (draws.Below((2 * pixels) + 1), draws.Below((2 * pixels) + 1));
            var padded = nn.functional.pad(picture, [pixels, pixels, pixels, pixels], PaddingModes.Constant, outside);
            return padded.narrow(-2, down, picture.shape[^2]).narrow(-1, right, picture.shape[^1]);
        }

        return With("shift", pixels, (picture, draws) => Moved(picture, draws, 0), (labels, draws) => Moved(labels, draws, Dataset.IgnoredLabel));
    }

    /// <summary>Turns the picture around its middle and scales it; pixels in between are interpolated, what comes in from outside is 0.</summary>
    /// <param name="degrees">The largest angle either way, from 0 to 180.</param>
    /// <param name="scale">The largest factor by which it grows or shrinks, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public Augmentation Rotate(double degrees, double scale = 1)
    {
        Require(degrees is >= 0 and <= 180, nameof(degrees), degrees, "The angle must be from 0 to 180 degrees.");
        Require(scale >= 1 && double.IsFinite(scale), nameof(scale), scale, "The factor must be finite and at least 1.");
        Tensor Turned(Tensor picture, Draws draws, GridSampleMode between)
        {
            var angle = degrees * Math.PI / 180 * draws.Symmetric();
            var factor = Math.Pow(scale, draws.Symmetric());
            var (height, width) = ((double)picture.shape[^2], (double)picture.shape[^1]);
            // From places in the result to places in the picture, both from -1 to 1: the inverse of what happens to the picture.
            var (cosine, sine) = (Math.Cos(angle) / factor, Math.Sin(angle) / factor);
            var matrix = tensor([(float)cosine, (float)(sine * height / width), 0, (float)(-sine * width / height), (float)cosine, 0], [1, 2, 3], device: CPU);
            // libtorch samples in one type, and not in half precision on the CPU.
            var type = picture.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
            var four = picture.reshape([1, -1, picture.shape[^2], picture.shape[^1]]).to(type);
            var places = nn.functional.affine_grid(matrix.to(type, picture.device), four.shape, align_corners: false);
            return nn.functional.grid_sample(four, places, between, GridSamplePaddingMode.Zeros, align_corners: false).to(picture.dtype).reshape(picture.shape);
        }

        Tensor TurnedLabels(Tensor labels, Draws draws)
        {
            // The label of the nearest pixel; counted from 1, so that the 0 from outside is none of them.
            using var first = (1 - Dataset.IgnoredLabel).ToScalar();
            using var ignored = Dataset.IgnoredLabel.ToScalar();
            return Turned(labels.add(first).to(float32), draws, GridSampleMode.Nearest).to(int64).sub(first).clamp_min(ignored);
        }

        return With("rotate", $"{Text(degrees)} {Text(scale)}", (picture, draws) => Turned(picture, draws, GridSampleMode.Bilinear), TurnedLabels);
    }

    /// <summary>Multiplies all pixels by a factor and adds a number, both one for the whole sample.</summary>
    /// <param name="contrast">The largest factor either way: from 1 / (1 + contrast) to 1 + contrast; at least 0.</param>
    /// <param name="brightness">The largest number added or taken away, in the units of the normalised pixels; at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative or not finite.</exception>
    public Augmentation Light(double contrast, double brightness)
    {
        Require(contrast >= 0 && double.IsFinite(contrast), nameof(contrast), contrast, "The contrast must be finite and at least 0.");
        Require(brightness >= 0 && double.IsFinite(brightness), nameof(brightness), brightness, "The brightness must be finite and at least 0.");
        return With("light", $"{Text(contrast)} {Text(brightness)}", (picture, draws) =>
        {
            using var factor = ((float)Math.Pow(1 + contrast, draws.Symmetric())).ToScalar();
            using var more = ((float)(brightness * draws.Symmetric())).ToScalar();
            return picture.mul(factor).add(more);
        }, Kept);
    }

    /// <summary>
    /// Sets a rectangle at a random place to 0, as "Random erasing" (Zhong et al. 2020) and cutout do. Labels of its pixels stay.
    /// </summary>
    /// <param name="side">The rectangle's sides as a share of the picture's, above 0 and at most 1.</param>
    /// <param name="share">In which share of the samples, from 0 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public Augmentation Erase(double side, double share = 0.5)
    {
        Require(side is > 0 and <= 1, nameof(side), side, "The side must be above 0 and at most 1.");
        return With("erase", $"{Text(side)} {Text(Share(share, nameof(share)))}", (picture, draws) =>
        {
            if (draws.Next() >= share)
                return picture;
            var (height, width) = (Math.Max(1, (long)(side * picture.shape[^2])), Math.Max(1, (long)(side * picture.shape[^1])));
            var (top, left) = (draws.Below((int)(picture.shape[^2] - height + 1)), draws.Below((int)(picture.shape[^1] - width + 1)));
            var erased = picture.clone();
            erased.narrow(-2, top, height).narrow(-1, left, width).zero_();
            return erased;
        }, Kept);
    }

    /// <summary>
    /// Any other change, such as a transform of TorchVision: <c>.Then("blur", torchvision.transforms.GaussianBlur(3).call)</c>. Give it what is
    /// random in it through its second argument. A transform that draws from torch's or .NET's own generators is not repeatable, and
    /// neither is the run then. Data with labels of pixels is refused, for whether they move is not known.
    /// </summary>
    /// <param name="name">What it is called; runs that are resumed compare it.</param>
    /// <param name="change">
    /// From a sample's input, without the batch dimension, and a generator of its own to a new tensor of the same shape and type. It is called
    /// inside a dispose scope without gradients, perhaps on another thread, and must not change its argument.
    /// </param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public Augmentation Then(string name, Func<Tensor, Random, Tensor> change)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(change);
        return With(name, "", (input, draws) =>
        {
            var changed = change(input, draws.Generator());
            if (!changed.shape.SequenceEqual(input.shape) || changed.dtype != input.dtype)
                throw new InvalidOperationException(
                    $"The augmentation '{name}' made {changed.dtype} {ShapeText.Of(changed.shape)} of {input.dtype} {ShapeText.Of(input.shape)}; both must be alike.");
            return changed;
        }, applyToLabels: null);
    }

    /// <summary>The steps and their settings, such as "flip horizontally 0.5, shift 4".</summary>
    public override string ToString() => steps.Length == 0 ? "none" : string.Join(", ", steps.Select(step => step.Name));

    /// <summary>Applies all steps to a sample's input, in the caller's dispose scope.</summary>
    /// <param name="input">Of at least two dimensions, the last ones height and width.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="number">The sample's place in its data set.</param>
    internal Tensor Apply(Tensor input, ulong seed, int epoch, long number) => Apply(input, seed, epoch, number, step => step.Apply);

    /// <summary>Applies them to the labels of a sample's pixels, by the same draws.</summary>
    /// <param name="labels">Of the height and width of the input, int64.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="number">The sample's place in its data set.</param>
    internal Tensor ApplyToLabels(Tensor labels, ulong seed, int epoch, long number) => Apply(labels, seed, epoch, number, step => step.ApplyToLabels!);

    /// <summary>The shape that samples of a shape have afterwards.</summary>
    /// <param name="shape">It ends in height and width.</param>
    /// <exception cref="InvalidOperationException">A crop is larger than the picture.</exception>
    internal long[] ShapeOf(IReadOnlyList<long> shape) => steps.Aggregate(shape.ToArray(), (now, step) => step.Size switch
    {
        null => now,
        var (height, width) when height <= now[^2] && width <= now[^1] => [.. now[..^2], height, width],
        _ => throw new InvalidOperationException($"The augmentation '{step.Name}' cannot be cut out of pictures of {now[^2]} x {now[^1]} pixels."),
    });

    /// <summary>The first step of which nobody knows whether labels of pixels move; null where there is none.</summary>
    internal string? UnknownToLabels => steps.FirstOrDefault(step => step.ApplyToLabels is null)?.Name;

    private Tensor Apply(Tensor tensor, ulong seed, int epoch, long number, Func<Step, Func<Tensor, Draws, Tensor>> change)
    {
        var key = CounterHash.child((ulong)number, CounterHash.child((ulong)epoch, CounterHash.named("augmentation", CounterHash.ofSeed(seed))));
        for (var index = 0; index < steps.Length; index++)
            tensor = change(steps[index])(tensor, new(CounterHash.child((ulong)index, key)));
        return tensor;
    }

    private static Tensor Kept(Tensor labels, Draws draws) => labels;

    private Augmentation WithMove(string name, object setting, Func<Tensor, Draws, Tensor> apply) => With(name, setting, apply, apply);

    private Augmentation With(string name, object setting, Func<Tensor, Draws, Tensor> apply, Func<Tensor, Draws, Tensor>? applyToLabels) =>
        With(new(string.Create(CultureInfo.InvariantCulture, $"{name} {setting}").TrimEnd(), apply, applyToLabels));

    private Augmentation With(Step step) => new([.. steps, step]);

    private static double Share(double share, string argument)
    {
        Require(share is >= 0 and <= 1, argument, share, "The share must be from 0 to 1.");
        return share;
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static void Require(bool holds, string argument, double value, string what)
    {
        if (!holds)
            throw new ArgumentOutOfRangeException(argument, value, what);
    }

    /// <summary>The random numbers of one step for one sample, in their order.</summary>
    private sealed class Draws(CounterHash.Key key)
    {
        private ulong next;

        /// <summary>From 0 to below 1.</summary>
        public double Next() => CounterHash.uniformDouble(key, next++);

        /// <summary>From -1 to below 1.</summary>
        public double Symmetric() => (2 * Next()) - 1;

        /// <summary>From 0 to below a number.</summary>
        public int Below(int count) => (int)(Next() * count);

        /// <summary>A generator for code that takes one.</summary>
        public Random Generator() => new((int)(CounterHash.bits(key, next++) >> 33));
    }
}
