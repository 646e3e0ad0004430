namespace MappingNets.Core

open TorchSharp

/// <summary>What one layer does to a change of its input and of its weights, at given weights.</summary>
type LayerStep =
    {
        /// How messages call it.
        Name: string
        /// A bound of its Lipschitz constant in its input.
        Constant: float
        /// Its operator's norm is at most this times the Frobenius norm of its weight: 1 for a matrix, the root of the overlap for a convolution.
        Spread: float
        /// ||W||_F; 0 without weights.
        WeightNorm: float
        /// The root of the number of positions that the bias is added to; 0 without a bias.
        Positions: float
        /// ||b||; 0 without a bias.
        BiasNorm: float
        /// The length of its inner products in single operations; 0 where nothing is summed.
        Terms: float
        /// By how many roundings each of its results is off besides.
        Roundings: float
        /// The place of its weight in the layout; -1 without weights.
        Weight: int
        /// The place of its bias; -1 without one.
        Bias: int
    }

/// <summary>
/// How far the outputs of a chain of layers move for one input when its weights move and single precision rounds. A change dW, db of a layer's weights
/// moves its output by ||W' (a' - a) + dW a + db|| &lt;= (C + s ||dW||_F) ||a' - a|| + s ||dW||_F ||a|| + sqrt(p) ||db||, a the input that the
/// sample itself gives the layer: tighter than a bound for all inputs of a norm, which multiplies constants there too.
/// </summary>
module OutputShift =

    /// <summary>The layers of a network at theta.</summary>
    /// <param name="target">The network.</param>
    /// <param name="theta">Its weights, shape (P).</param>
    /// <exception cref="T:System.ArgumentException">As for NetworkLipschitz.layers; a layer whose rounding has no model here (recurrent layers, attention,
    /// normalisation, composites).</exception>
    val steps: target: TargetDescription -> theta: torch.Tensor -> LayerStep[]

    /// <summary>
    /// A bound of the distance of the outputs that are computed in single precision at moved weights from those of exact arithmetic at theta.
    /// </summary>
    /// <param name="steps">The layers.</param>
    /// <param name="inputs">The norm of what reaches each layer at theta, for one sample.</param>
    /// <param name="moved">How far each tensor of the layout moved, in the Frobenius norm.</param>
    /// <param name="roundoff">The unit roundoff of the pass, such as TensorShift.unitRoundoff; 0 for exact arithmetic.</param>
    val outputs: steps: LayerStep[] -> inputs: float[] -> moved: float[] -> roundoff: float -> float

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
    /// <param name="inputs">The norm of what reaches each layer at theta, for one sample.</param>
    /// <param name="margin">The distance of the largest score from the next.</param>
    val radius: steps: LayerStep[] -> shifts: TensorShift[] -> inputs: float[] -> margin: float -> float

    /// <summary>
    /// What the norm of n independent normal numbers exceeds with at most this risk: deviation (sqrt(n) + sqrt(2 ln(1 / risk))), by the
    /// concentration of Lipschitz functions of normal numbers.
    /// </summary>
    /// <param name="deviation">Their standard deviation, finite, at least 0.</param>
    /// <param name="count">n, at least 1.</param>
    /// <param name="risk">Above 0, below 1.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A number is out of range.</exception>
    val noiseNorm: deviation: float -> count: int64 -> risk: float -> float
