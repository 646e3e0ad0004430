namespace MappingNets.Core

open System
open TorchSharp

[<ReferenceEquality>]
type CustomModulation =
    { Name: string
      Apply: torch.Tensor -> torch.Tensor -> torch.Tensor
      RowMean: torch.Tensor -> torch.Tensor }

type Modulation =
    | NoModulation
    | AdditiveModulation of strength: float
    | LinearModulation of map: torch.Tensor
    | CustomModulation of CustomModulation

module Modulation =

    let ofMatrix name (matrix: torch.Tensor -> torch.Tensor) =
        CustomModulation
            { Name = name
              Apply = fun latent vector -> (matrix latent).mv vector
              RowMean = fun latent -> (matrix latent).mean [| 0L |] }

    let describe modulation =
        match modulation with
        | NoModulation -> "none"
        | AdditiveModulation strength -> FormattableString.Invariant $"additive({strength})"
        | LinearModulation _ -> "linear"
        | CustomModulation custom -> custom.Name

    let requireShape (custom: CustomModulation) (what: string) (shape: int64[]) (given: torch.Tensor) =
        if given.shape <> shape then
            raise (
                ArgumentException(
                    $"The modulation '{custom.Name}' gave {shapeText given.shape} for {what}; it must have the shape {shapeText shape}.",
                    "modulation"
                )
            )

        given

    let check modulation (rows: int64) (columns: int) =
        match modulation with
        | AdditiveModulation strength when not (Single.IsFinite(float32 strength)) ->
            raise (
                ArgumentException(
                    $"The strength alpha is {strength}; it must be finite, at most 3.4e38 in size.",
                    nameof modulation
                )
            )
        | LinearModulation map when map.shape <> [| rows; int64 columns; int64 columns |] ->
            raise (
                ArgumentException(
                    $"The map B has the shape {shapeText map.shape}; it must be ({rows}, {columns}, {columns}), which is (P, d, d).",
                    nameof modulation
                )
            )
        | LinearModulation map when not (map.is_floating_point ()) || not (isFiniteInSingle map) ->
            raise (
                ArgumentException(
                    $"The map B is {map.dtype} or holds a number that is not finite; it must hold finite floats.",
                    nameof modulation
                )
            )
        | LinearModulation map when TensorChecks.isInference map ->
            raise (
                ArgumentException(
                    "The map B was made under torch.inference_mode, and no gradient can pass through it; clone it outside.",
                    nameof modulation
                )
            )
        | CustomModulation custom when String.IsNullOrWhiteSpace custom.Name ->
            raise (ArgumentException("A custom modulation needs a name.", nameof modulation))
        | _ -> ()

    let shift modulation (latent: torch.Tensor) =
        match modulation with
        | NoModulation -> torch.zeros ([||], dtype = latent.dtype, device = latent.device)
        | AdditiveModulation strength ->
            use strength = strength.ToScalar()
            strength * latent.dot latent
        | LinearModulation map -> map.``to``(latent.dtype, latent.device).matmul(latent).mv latent
        | CustomModulation custom -> custom.Apply latent latent

    let shiftOf modulation rows latent =
        match modulation with
        | CustomModulation custom -> shift modulation latent |> requireShape custom "M(z) z" [| rows |]
        | _ -> shift modulation latent

    let rowMean modulation (latent: torch.Tensor) =
        match modulation with
        | NoModulation -> torch.zeros_like latent
        | AdditiveModulation strength ->
            use strength = strength.ToScalar()
            strength * latent
        | LinearModulation map -> map.``to``(latent.dtype, latent.device).mean([| 0L |]).mv latent
        | CustomModulation custom ->
            custom.RowMean latent
            |> requireShape custom "the mean of M(z)'s rows" latent.shape
