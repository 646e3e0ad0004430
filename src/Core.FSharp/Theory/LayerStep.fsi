namespace MappingNets.Core

/// <summary>What a step does beside its constants.</summary>
type StepKind =
    /// Nothing: its constants say everything.
    | PlainStep
    /// It brings each of `places` vectors of so many features to mean 0 and variance 1, epsilon added to the variance.
    | NormalisingStep of features: float * places: float * epsilon: float
    /// It adds up what its branches make of its input.
    | SumStep
    /// It puts its input and what its one branch makes of it one behind the other.
    | BesideStep

/// <summary>What one layer does to a change of its input and of its weights, at given weights.</summary>
type LayerStep =
    {
        /// Its name in messages.
        Name: string
        /// What it does beside its constants.
        Kind: StepKind
        /// A bound of its Lipschitz constant in its input, with what stands behind it; of a NormalisingStep that of the scaling alone; 0 where it has
        /// branches, and of an embedding, whose tokens do not move.
        Constant: Bound
        /// A change dW of its weight adds this times ||dW||_F to the constant: 1 for a matrix, the root of the overlap for a convolution.
        Spread: float
        /// It moves the output by this times ||dW||_F besides, whatever the input.
        Offset: float
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
        /// How far a change of other tensors of a norm of 1 moves the output, by their places in the layout.
        Shares: struct (int * float)[]
        /// What a sum adds up and what a concatenation appends, each a chain; empty for other layers.
        Branches: LayerStep[][]
    }

    /// Whether it is an embedding, whose tokens do not move: the one step with a weight whose constant no change of it moves.
    member internal IsEmbedding: bool

    /// "conv1: constant 1.41 (proven)", and its branches.
    override ToString: unit -> string
