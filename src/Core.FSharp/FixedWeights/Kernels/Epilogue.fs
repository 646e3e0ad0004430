namespace MappingNets.Core

open System.Runtime.Intrinsics
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.VectorLanes

/// What is done to a generated row after W z: + shift, + bias, * scale.
[<Struct; NoEquality; NoComparison>]
type internal Epilogue =
    {
        /// -0 where there is none, which changes no bit of what it is added to; +0 would turn -0 into +0.
        Shift: float32
        /// Null where there is none.
        Bias: nativeptr<float32>
        Scale: float32
        /// Whether rows are written past the caches, where they start at a whole line of them.
        PastCaches: bool
    }

    member inline this.Of(index: int, value: float32) =
        let shifted = value + this.Shift

        (if isNull this.Bias then
             shifted
         else
             shifted + NativePtr.get this.Bias index)
        * this.Scale
