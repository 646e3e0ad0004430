namespace MappingNets.Core

open TorchSharp

/// <summary>One named tensor of a target network and its place in the flat weight vector theta.</summary>
[<Sealed>]
type ParameterEntry =

    internal new: name: string * shape: int64[] * offset: int64 * fanIn: int64 -> ParameterEntry

    /// The tensor's name as PyTorch would give it, such as "conv1.weight".
    member Name: string

    /// Its shape, every size at least 1 (an empty array is a scalar): a copy.
    member Shape: int64[]

    /// The index of its first element in theta.
    member Offset: int64

    /// How many elements it has: the product of its shape.
    member Count: int64

    /// How many inputs feed each output of its layer; its start and its scale follow the rule 1 / sqrt(fan-in).
    member FanIn: int64

    /// The name of the layer the tensor belongs to: its name up to the last dot, or the whole name.
    member Layer: string

    /// Name and shape, such as "conv1.weight(32, 1, 3, 3)".
    override ToString: unit -> string

/// <summary>One layer of a target network: neighbouring tensors, and so one range of theta.</summary>
[<Sealed>]
type ParameterLayer =

    /// The layer's name, such as "conv1".
    member Name: string

    /// Its tensors, in the order of theta: a copy.
    member Entries: ParameterEntry[]

    /// The index of its first weight in theta.
    member Offset: int64

    /// How many weights it has.
    member Count: int64

    /// Name, number of weights and place in theta.
    override ToString: unit -> string

/// <summary>
/// The bijection between a flat vector theta of P weights and the named tensors of a target network: cumulative slicing
/// and reshaping, equation 22 of the paper.
/// </summary>
[<Sealed>]
type ParameterLayout =

    /// The tensors, in the order of theta: a copy.
    member Entries: ParameterEntry[]

    /// P, the number of weights.
    member Count: int64

    /// The layers in the order of theta, each with the tensors that it owns: a copy.
    member Layers: ParameterLayer[]

    /// Looks a tensor up by its name.
    /// Raises KeyNotFoundException, naming the tensor, where there is none.
    member Find: name: string -> ParameterEntry

    /// Cuts theta into its tensors: views, no copy; the gradient of all of them is one concatenation.
    /// Takes theta of shape (P); returns one tensor per entry in its shape.
    /// Raises ArgumentException where theta's shape is not (P).
    member Split: theta: torch.Tensor -> torch.Tensor[]

    /// The inverse of Split: one flat vector (P) from one tensor per entry.
    /// Raises ArgumentException naming the first tensor whose shape disagrees.
    member Join: tensors: torch.Tensor seq -> torch.Tensor

    /// Names and shapes as one line of text, equal for equal layouts: the checkpoint's proof that it meets its target.
    member Signature: string

    /// Equal names, shapes and fan-ins in equal order.
    override Equals: obj | null -> bool
    override GetHashCode: unit -> int

    /// The number of tensors, P and the signature.
    override ToString: unit -> string

/// <summary>Builds layouts.</summary>
module ParameterLayout =

    /// <summary>A layout from names, shapes and fan-ins, offsets assigned in order.</summary>
    /// <param name="tensors">(name, shape, fan-in) of each tensor in order.</param>
    /// <exception cref="T:System.ArgumentException">
    /// No tensor; an empty or repeated name; a size or fan-in below 1; more than 2^63 - 1 weights together; the entries of one
    /// layer are not neighbours.
    /// </exception>
    val create: tensors: (string * int64[] * int64) seq -> ParameterLayout
