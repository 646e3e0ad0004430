namespace MappingNets.Core

open System
open TorchSharp

[<Sealed>]
type TensorPower private () =

    static member Power(x: torch.Tensor, y: torch.Tensor) = x.pow y

    static member Power(x: torch.Tensor, y: float) =
        use exponent = y.ToScalar()
        x.pow exponent

    static member Power(x: torch.Tensor, y: int) =
        use exponent = y.ToScalar()
        x.pow exponent

    static member Power(x: float, y: torch.Tensor) =
        // An exponent of whole numbers must not cut the base to one.
        let dtype =
            if y.is_floating_point () || y.is_complex () then
                y.dtype
            else
                torch.get_default_dtype ()

        use number = torch.tensor (x, dtype = dtype, device = y.device)
        number.pow y

    static member Power(x: float, y: float) = Math.Pow(x, y)
    static member Power(x: float32, y: float32) = MathF.Pow(x, y)

module TensorOperators =

    // The marker brings TensorPower into the search for Power: tensors have no such member, and an extension would not count.
    let inline power (_: ^marker) (x: ^x) (y: ^y) : ^z =
        ((^marker or ^x or ^y): (static member Power: ^x * ^y -> ^z) (x, y))

    let inline ( ** ) x y =
        power Unchecked.defaultof<TensorPower> x y
