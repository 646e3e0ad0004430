namespace MappingNets.Core

open TorchSharp

/// <summary>What is known of one layer.</summary>
type LayerLipschitz =
    {
        /// The layer.
        Layer: TargetLayer
        /// A bound of its Lipschitz constant from input to output: the spectral norm of a linear layer; of a convolution with zeros around it, a bound of
        /// the operator's own norm on images of this size (on an enclosing torus), or of its reshaped kernel where that is smaller.
        InputConstant: Bound
        /// The shape of its output for one input.
        OutputShape: int64[]
    }

/// <summary>
/// Lipschitz constants of target networks in evaluation. Bounds from above (inputLipschitz, weightLipschitz), each with its status: proven; assumed, where
/// a layer's author states a constant; not established, where a layer has none. And a bound from below by sampling
/// (sampledWeightLipschitz). The true constant lies between. Exact arithmetic of the network is assumed; rounding in computing the bounds is included.
/// </summary>
module NetworkLipschitz =

    /// <summary>The Lipschitz constant of cross-entropy in the class scores of one sample: ||softmax - one-hot|| &lt; sqrt 2. Holds for label smoothing and means over a batch too.</summary>
    val crossEntropy: float

    /// <summary>Each layer's constant at theta, for inputs of any norm; the layers inside a residual or a concatenation count as one.</summary>
    /// <param name="target">The network.</param>
    /// <param name="theta">Its weights, shape (P).</param>
    /// <exception cref="T:System.ArgumentException">theta is not a finite vector (P); a layer is missing in the layout, or does not fit the shape before it (the message names it).</exception>
    val layers: target: TargetDescription -> theta: torch.Tensor -> LayerLipschitz[]

    /// <summary>A bound of ||f(x; theta) - f(y; theta)|| / ||x - y|| for all inputs: the product of the layers' constants.</summary>
    /// <param name="target">The network.</param>
    /// <param name="theta">Its weights, shape (P).</param>
    /// <exception cref="T:System.ArgumentException">As for layers.</exception>
    val inputLipschitz: target: TargetDescription -> theta: torch.Tensor -> Bound

    /// <summary>The same for inputs of a bounded norm, which self-attention needs.</summary>
    /// <param name="target">The network.</param>
    /// <param name="theta">Its weights, shape (P).</param>
    /// <param name="inputNorm">The largest norm of an input, finite, at least 0.</param>
    /// <exception cref="T:System.ArgumentException">As for layers; the norm is out of range.</exception>
    val inputLipschitzWithin: target: TargetDescription -> theta: torch.Tensor -> inputNorm: float -> Bound

    /// <summary>
    /// A bound of L_theta on a ball: ||f(x; a) - f(x; b)|| &lt;= L ||a - b|| for all a, b within the radius of theta and all ||x|| up to
    /// inputNorm. (No constant exists for all weights: outputs are products of weights.) A change dW of a tensor moves the output by at most
    /// the later layers' constants times ||dW||_F times the norm of what reaches the layer, constants and norms at their largest on
    /// the ball; a tensor that several layers share adds up what it does through each. The shares of the tensors are added by Cauchy and Schwarz.
    /// </summary>
    /// <param name="target">The network.</param>
    /// <param name="theta">The ball's centre, shape (P).</param>
    /// <param name="radius">The ball's radius, finite, at least 0.</param>
    /// <param name="inputNorm">The largest norm of an input, finite, at least 0; what an embedding takes has none, so any number will do.</param>
    /// <exception cref="T:System.ArgumentException">As for layers; a number is out of range.</exception>
    val weightLipschitz: target: TargetDescription -> theta: torch.Tensor -> radius: float -> inputNorm: float -> Bound

    /// <summary>
    /// A lower bound of the constant of theta -> output on a ball, from samples: the largest ||J v|| / ||v|| seen, J at a random point of the ball and v the
    /// gradient of a random projection of the output, improved twice by J^T J. It proves no upper bound; what it can do is refute one. Everything is
    /// computed in double precision, whatever theta's; what f captures has to follow its argument's precision. 1e-9 of it is
    /// taken off for the rounding of derivatives.
    /// </summary>
    /// <param name="f">theta (P), in double precision, to outputs, a vector (for one input or any fixed batch).</param>
    /// <param name="theta">The ball's centre, shape (P).</param>
    /// <param name="radius">The ball's radius, positive.</param>
    /// <param name="key">The stream of the samples.</param>
    /// <param name="samples">How many, at least 1.</param>
    /// <exception cref="T:System.ArgumentException">theta is not a finite vector; a number is out of range; f gives no vector in double precision.</exception>
    val sampledWeightLipschitz:
        f: (torch.Tensor -> torch.Tensor) ->
        theta: torch.Tensor ->
        radius: float ->
        key: CounterHash.Key ->
        samples: int ->
            float
