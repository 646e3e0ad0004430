namespace MappingNets.Core

open TorchSharp

/// <summary>A layer of a target network, as its Lipschitz constants need it. Names are those of the parameter layout, without ".weight" and ".bias".</summary>
type TargetLayer =
    /// y = W x + b, with an optional bias; W of shape (outputs, inputs).
    | LinearLayer of name: string
    /// A 2-d convolution, with an optional bias; the weight of shape (outputs, inputs, height, width).
    | Conv2dLayer of name: string * stride: int64 * padding: int64
    /// max(x, 0): constant 1.
    | ReLULayer
    /// tanh x: constant 1.
    | TanhLayer
    /// x / (1 + exp(-x)): constant 1.0999 (its steepest slope is 1.09984).
    | SiLULayer
    /// The largest of each window.
    | MaxPool2dLayer of window: int64 * stride: int64
    /// (C, H, W) to (C H W).
    | FlattenLayer

/// <summary>A target network as a chain of layers.</summary>
type TargetDescription =
    {
        /// Where each layer's weights stand in theta.
        Layout: ParameterLayout
        /// The shape of one input: (C, H, W) or (n).
        InputShape: int64[]
        /// The layers, from input to output.
        Layers: TargetLayer list
    }

/// <summary>What is known of one layer.</summary>
type LayerLipschitz =
    {
        /// The layer.
        Layer: TargetLayer
        /// A proven bound of its Lipschitz constant from input to output: the spectral norm of a linear layer; for a convolution that of its weight as a matrix (outputs, the rest)
        /// times the square root of how many windows hold one pixel.
        InputConstant: float
        /// The shape of its output for one input.
        OutputShape: int64[]
    }

/// <summary>
/// Lipschitz constants of target networks. Three kinds, never to be mixed up: proven bounds by the product of spectral norms
/// (inputLipschitz, weightLipschitz), and a lower bound by sampling (sampledWeightLipschitz). The true constant lies between.
/// </summary>
module NetworkLipschitz =

    /// <summary>The Lipschitz constant of cross-entropy in the class scores of one sample: ||softmax - one-hot|| &lt; sqrt 2. Holds for label smoothing and means over a batch too.</summary>
    val crossEntropy: float

    /// <summary>Each layer's constant at theta.</summary>
    /// <param name="target">The network.</param>
    /// <param name="theta">Its weights, shape (P).</param>
    /// <exception cref="T:System.ArgumentException">theta is not a finite vector (P); a layer is missing in the layout, or does not fit the shape before it (the message names it).</exception>
    val layers: target: TargetDescription -> theta: torch.Tensor -> LayerLipschitz[]

    /// <summary>A proven bound of ||f(x; theta) - f(y; theta)|| / ||x - y||: the product of the layers' constants.</summary>
    /// <param name="target">The network.</param>
    /// <param name="theta">Its weights, shape (P).</param>
    /// <exception cref="T:System.ArgumentException">As for layers.</exception>
    val inputLipschitz: target: TargetDescription -> theta: torch.Tensor -> float

    /// <summary>
    /// A proven bound of L_theta on a ball: ||f(x; a) - f(x; b)|| &lt;= L ||a - b|| for all a, b within the radius of theta and all ||x|| up to
    /// inputNorm. (No constant exists for all weights: outputs are products of weights.) A change dW_l of a layer moves the output by at most
    /// the later layers' constants times ||dW_l||_F times the norm of what reaches the layer, constants and norms at their largest on
    /// the ball; the shares of the layers are added by Cauchy and Schwarz.
    /// </summary>
    /// <param name="target">The network.</param>
    /// <param name="theta">The ball's centre, shape (P).</param>
    /// <param name="radius">The ball's radius, finite, at least 0.</param>
    /// <param name="inputNorm">The largest norm of an input, finite, at least 0.</param>
    /// <exception cref="T:System.ArgumentException">As for layers; a number is out of range.</exception>
    val weightLipschitz: target: TargetDescription -> theta: torch.Tensor -> radius: float -> inputNorm: float -> float

    /// <summary>
    /// A lower bound of the constant of theta -> output on a ball, from samples: the largest ||f(b) - f(a)|| / ||b - a|| seen, a random in the ball and b beside
    /// it along the gradient of a random projection of the output. It proves no upper bound; what it can do is refute one.
    /// </summary>
    /// <param name="f">theta (P) to outputs, a vector (for one input or any fixed batch).</param>
    /// <param name="theta">The ball's centre, shape (P).</param>
    /// <param name="radius">The ball's radius, positive.</param>
    /// <param name="key">The stream of the samples.</param>
    /// <param name="samples">How many, at least 1.</param>
    /// <exception cref="T:System.ArgumentException">theta is not a finite vector; a number is out of range.</exception>
    val sampledWeightLipschitz:
        f: (torch.Tensor -> torch.Tensor) ->
        theta: torch.Tensor ->
        radius: float ->
        key: CounterHash.Key ->
        samples: int ->
            float
