namespace MappingNets.Core

open TorchSharp

/// <summary>
/// How far the outputs of a network move for one input when its weights move and single precision rounds. A change dW, db of a layer's weights
/// moves its output by ||W' (a' - a) + dW a + db|| &lt;= (C + s ||dW||_F) ||a' - a|| + s ||dW||_F ||a|| + sqrt(p) ||db||, a the input that the
/// sample itself gives the layer: tighter than a bound for all inputs of a norm, which multiplies constants there too.
/// </summary>
/// <remarks>
/// <para>
/// Batch normalisation by running statistics: the same, with ||dW|| max |mean| / deviation sqrt(p) besides. A residual adds the distances of its branches and one rounding,
/// a concatenation the root of the sum of their squares. Layer normalisation is steepest where a vector hardly deviates from its mean: with the least
/// root mean square deviation m of the sample's vectors of n features, its constant at a distance d is the smallest of 1 / sqrt(max(0, m - d / sqrt n)^2 + epsilon),
/// 2 / sqrt(m^2 + epsilon) and 1 / sqrt(epsilon).
/// </para>
/// <para>
/// What one sample shows of the network at theta, in order: for each layer the norm of what reaches it; after it, for layer normalisation the least deviation; for a
/// residual or concatenation, for each branch what it shows and then the norm of what it puts out.
/// </para>
/// </remarks>
module OutputShift =

    /// The first layer whose rounding has no model here (recurrent layers, self-attention, batch normalisation by the batch's own statistics, a user's layer
    /// that states none), as messages call it; null where there is none.
    val internal unmodelled: layers: TargetLayer list -> string | null

    /// <summary>The layers of a network at theta.</summary>
    /// <param name="target">The network.</param>
    /// <param name="theta">Its weights, shape (P).</param>
    /// <exception cref="T:System.ArgumentException">As for NetworkLipschitz.layers; a layer whose rounding has no model here (recurrent layers, attention,
    /// batch normalisation by the batch's own statistics, a user's layer that states no rounding).</exception>
    val steps: target: TargetDescription -> theta: torch.Tensor -> LayerStep[]

    /// <summary>
    /// A bound of the distance of the outputs that are computed in single precision at moved weights from those of exact arithmetic at theta, the rounding
    /// of computing the bound in double precision included.
    /// </summary>
    /// <param name="steps">The layers.</param>
    /// <param name="shown">What one sample shows of the network at theta, in the order of the remarks.</param>
    /// <param name="moved">How far each tensor of the layout moved, in the Frobenius norm.</param>
    /// <param name="roundoff">The unit roundoff of the pass, such as TensorShift.unitRoundoff; 0 for exact arithmetic.</param>
    /// <returns>The bound; infinite where a layer takes so many roundings that the model bounds none of their errors (2^24 in single precision).</returns>
    /// <exception cref="T:System.ArgumentException">The sample shows more or fewer numbers than the layers need, there are fewer moves than tensors, or one of them is negative; the unit roundoff
    /// is negative or not finite.</exception>
    val outputs: steps: LayerStep[] -> shown: float[] -> moved: float[] -> roundoff: float -> float

    /// <summary>How far each tensor is from theta at most, as computed anywhere within a radius: it moves, and is rounded there and at theta.</summary>
    /// <param name="shifts">One for each tensor.</param>
    /// <param name="radius">r.</param>
    val moved: shifts: TensorShift[] -> radius: float -> float[]

    /// <summary>
    /// The radius up to which no output can change order: by bisection the largest r with sqrt(2) times the outputs' shift below the margin; 0
    /// where rounding alone may decide. (Two scores change their difference by at most sqrt(2) times the distance of the outputs.)
    /// </summary>
    /// <param name="steps">The layers.</param>
    /// <param name="shifts">One for each tensor.</param>
    /// <param name="shown">What one sample shows of the network at theta.</param>
    /// <param name="margin">The distance of the largest score from the next.</param>
    val radius: steps: LayerStep[] -> shifts: TensorShift[] -> shown: float[] -> margin: float -> float

    /// <summary>
    /// What the norm of n independent normal numbers exceeds with at most this risk: deviation (sqrt(n) + sqrt(2 ln(1 / risk))), by the
    /// concentration of Lipschitz functions of normal numbers; raised by rounding.
    /// </summary>
    /// <param name="deviation">Their standard deviation, finite, at least 0.</param>
    /// <param name="count">n, at least 1.</param>
    /// <param name="risk">Above 0, below 1.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A number is out of range.</exception>
    val noiseNorm: deviation: float -> count: int64 -> risk: float -> float

    /// <summary>The probability that remains beside a risk: 1 - risk, rounded down where it must be rounded.</summary>
    /// <param name="risk">From 0 to 1.</param>
    val probability: risk: float -> float
