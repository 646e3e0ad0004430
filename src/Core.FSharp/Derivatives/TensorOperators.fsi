namespace MappingNets.Core

open TorchSharp

/// <summary>What <c>**</c> means for tensors and for numbers; see <see cref="T:MappingNets.Core.TensorOperators"/>.</summary>
[<Sealed>]
type TensorPower =
    class
        /// <summary>x^y, element by element.</summary>
        static member Power: x: torch.Tensor * y: torch.Tensor -> torch.Tensor

        /// <summary>x^y, element by element.</summary>
        static member Power: x: torch.Tensor * y: float -> torch.Tensor

        /// <summary>x^y, element by element.</summary>
        static member Power: x: torch.Tensor * y: int -> torch.Tensor

        /// <summary>x^y for each element y.</summary>
        static member Power: x: float * y: torch.Tensor -> torch.Tensor

        /// <summary>x^y.</summary>
        static member Power: x: float * y: float -> float

        /// <summary>x^y.</summary>
        static member Power: x: float32 * y: float32 -> float32
    end

/// <summary>Operators that DiffSharp's tensors have and TorchSharp's have not; open it in a script.</summary>
module TensorOperators =

    /// <summary>What <c>**</c> calls; the marker brings <see cref="T:MappingNets.Core.TensorPower"/> into the search.</summary>
    /// <param name="marker">Null.</param>
    /// <param name="x">The base.</param>
    /// <param name="y">The exponent.</param>
    val inline power:
        marker: ^marker -> x: ^x -> y: ^y -> ^z when (^marker or ^x or ^y): (static member Power: ^x * ^y -> ^z)

    /// <summary>Powers: a tensor to a tensor, float or int, a float to a tensor, and numbers as before.</summary>
    /// <param name="x">The base.</param>
    /// <param name="y">The exponent.</param>
    val inline ( ** ):
        x: ^x -> y: ^y -> ^z when (TensorPower or ^x or ^y): (static member Power: ^x * ^y -> ^z)
