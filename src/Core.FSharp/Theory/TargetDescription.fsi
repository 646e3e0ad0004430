namespace MappingNets.Core

/// <summary>What a batch normalisation divides by in evaluation.</summary>
type BatchStatistics =
    {
        /// The running mean of each channel.
        Mean: float[]
        /// The running variance of each channel.
        Variance: float[]
        /// What is added to the variance.
        Epsilon: float
    }

/// <summary>Constants of a layer that nothing here has a rule for, as its author states them. What follows from them is assumed.</summary>
type StatedLayer =
    {
        /// Its name in messages.
        Name: string
        /// The shape of its output for one input.
        OutputShape: int64[]
        /// Its Lipschitz constant in its input, for all weights of the ball.
        InputConstant: float
        /// The norm of its output at input 0, for all weights of the ball: with the constant it bounds every output.
        AtZero: float
        /// For each of its tensors by name, how far a change of it of norm 1 moves the output at most, for all inputs that reach it.
        WeightConstants: (string * float) list
        /// In single precision each output is off by at most so many roundings of ||output||'s bound (InputConstant ||x|| + AtZero), in the norm; None where
        /// nothing is stated, and then nothing is certified in single precision.
        Roundings: float option
    }

/// <summary>A layer of a target network in evaluation, as its Lipschitz constants need it. Names are those of the parameter layout, without ".weight" and ".bias".</summary>
type TargetLayer =
    /// y = W x + b along the last dimension, with an optional bias; W of shape (outputs, inputs).
    | LinearLayer of name: string
    /// A 2-d convolution padded with zeros, with an optional bias; the weight of shape (outputs, inputs, height, width).
    | Conv2dLayer of name: string * stride: int64 * padding: int64
    /// A transposed 2-d convolution, with an optional bias; the weight of shape (inputs, outputs, height, width).
    | ConvTranspose2dLayer of name: string * stride: int64 * padding: int64
    /// Batch normalisation along the first dimension by running statistics. None: by the batch's own, which has no constant for one sample.
    | BatchNormLayer of name: string * statistics: BatchStatistics option
    /// Layer normalisation along the last dimension, with its epsilon. It is steepest where its inputs hardly deviate from their mean: 1 / sqrt(epsilon).
    /// Where they deviate by more (the root mean square is at least `deviation`), it is 1 / sqrt(deviation^2 + epsilon), and the bound becomes assumed.
    | LayerNormLayer of name: string * epsilon: float * deviation: float option
    /// max(x, 0): constant 1.
    | ReLULayer
    /// tanh x: constant 1.
    | TanhLayer
    /// x / (1 + exp(-x)): constant 1.0999 (its steepest slope is 1.09984).
    | SiLULayer
    /// x times the normal distribution function of x: constant 1.12891 (its steepest slope, at sqrt 2, is 1.128904).
    | GELULayer
    /// The largest of each window: constant sqrt(how many windows hold one pixel).
    | MaxPool2dLayer of window: int64 * stride: int64 * padding: int64
    /// The mean of each window, padding zeros included: constant sqrt(how many windows hold one pixel) / window.
    | AvgPool2dLayer of window: int64 * stride: int64 * padding: int64
    /// (C, H, W) to (C), the mean over pixels: constant 1 / sqrt(H W).
    | GlobalAveragePool2dLayer
    /// (C, H, W) to (C H W).
    | FlattenLayer
    /// The same numbers in another shape.
    | ReshapeLayer of shape: int64[]
    /// Dropout, which does nothing in evaluation.
    | DropoutLayer
    /// body(x) + shortcut(x), or body(x) + x where the shortcut is empty.
    | ResidualLayer of body: TargetLayer list * shortcut: TargetLayer list
    /// x and body(x) one behind the other along the first dimension.
    | ConcatenationLayer of body: TargetLayer list
    /// Layers of an LSTM on a sequence (T, inputs) from a state of 0: to (T, hidden), or to the last (hidden). The bound grows with T.
    | LstmLayer of name: string * layers: int * wholeSequence: bool
    /// Layers of a GRU, as for an LSTM.
    | GruLayer of name: string * layers: int * wholeSequence: bool
    /// Multi-head self-attention on (T, features). It has a constant on bounded inputs alone.
    | SelfAttentionLayer of name: string * heads: int64
    /// A vector for each token: (...) to (..., features). Tokens are whole numbers, so there is no constant in the input; in the weights there is.
    | EmbeddingLayer of name: string
    /// x + P with P of x's shape; the tensor bears the name.
    | PositionEmbeddingLayer of name: string
    /// A learnt token in front: (T, features) to (T + 1, features); the tensor bears the name.
    | ClassTokenLayer of name: string
    /// (T, features) to (features).
    | FirstTokenLayer
    /// (C, H, W) to (H W, C).
    | TokensLayer
    /// A layer whose author states its constants.
    | UserLayer of StatedLayer

/// <summary>A target network as a chain of layers.</summary>
type TargetDescription =
    {
        /// Where each layer's weights stand in theta.
        Layout: ParameterLayout
        /// The shape of one input: (C, H, W), (n), (T, n) or, before an embedding, that of its tokens.
        InputShape: int64[]
        /// The layers, from input to output.
        Layers: TargetLayer list
    }
