namespace MappingNets

open System
open TorchSharp
open MappingNets.Core

/// What the steps of a description refuse, each under the name of its own argument.
[<AbstractClass; Sealed>]
type internal MappingChecks =

    static member Finite(value: float, argument: string) =
        if not (Single.IsFinite(float32 value)) then
            raise (
                ArgumentOutOfRangeException(
                    argument,
                    value,
                    "It must be a finite number of single precision, at most 3.4e38 in size."
                )
            )

        value

    static member Positive(value: float, argument: string) =
        requirePositive argument value

        if float32 value = 0.0f || not (Single.IsFinite(float32 value)) then
            raise (
                ArgumentOutOfRangeException(
                    argument,
                    value,
                    "It must be a positive finite number of single precision, from 1.5e-45 to 3.4e38."
                )
            )

        value

    static member Share(value: float, argument: string) =
        if not (value > 0.0 && value <= 1.0) then
            raise (ArgumentOutOfRangeException(argument, value, "It must be above 0 and at most 1."))

        value

    /// B for P weights; how it fits d shows when the mapping is built, since a later step may change d.
    static member LinearMap(weights: int64, map: torch.Tensor) =
        ArgumentNullException.ThrowIfNull(map, nameof map)
        let shape = map.shape

        if shape.Length <> 3 || shape[0] <> weights || shape[1] <> shape[2] then
            raise (
                ArgumentException(
                    $"The map B has the shape {shapeText shape}; it must be (P, d, d) with P = {weights}.",
                    nameof map
                )
            )

        if not (map.is_floating_point ()) then
            raise (ArgumentException($"The map B is {map.dtype}; its numbers must be floats.", nameof map))

        if not (isFiniteInSingle map) then
            raise (ArgumentException("The map B holds a number that is not finite in single precision.", nameof map))

        map

    /// A modulation by a function of the user, whose every answer is held to the shape it must have.
    static member Custom(weights: int64, name: string, matrix: Func<torch.Tensor, torch.Tensor>) =
        ArgumentException.ThrowIfNullOrWhiteSpace(name, nameof name)
        ArgumentNullException.ThrowIfNull(matrix, nameof matrix)

        Modulation.ofMatrix name (fun latent ->
            let columns = latent.shape[0]
            let value = matrix.Invoke latent

            let given = if isNull (box value) then "null" else shapeText value.shape

            if given <> shapeText [| weights; columns |] then
                raise (
                    ArgumentException(
                        $"The modulation '{name}' gave {given} for a latent of ({columns}); "
                        + $"M(z) must have the shape ({weights}, {columns}), which is (P, d).",
                        nameof matrix
                    )
                )

            value)

    /// Refuses a modulation of a single latent for several.
    static member Together(specification: MappingSpecification) =
        match specification.Split with
        | SingleLatent _ -> ()
        | LayerWise _ ->
            for modulation in specification.Modulations do
                match modulation with
                | LinearModulation _
                | CustomModulation _ ->
                    raise (
                        ArgumentException(
                            "A linear or custom modulation is for a single latent; this mapping has latents for each layer.",
                            nameof specification
                        )
                    )
                | NoModulation
                | AdditiveModulation _ -> ()
