namespace MappingNets.Core

open System
open MappingNets

/// What a mapping's specification means for a layout, and what it is refused for.
module internal SpecificationChecks =

    let checkScales (argument: string) (owner: string) (layout: ParameterLayout) (scales: float[]) =
        if scales.Length <> layout.Entries.Length then
            raise (
                ArgumentException(
                    $"There are {scales.Length} scales; {owner} has {layout.Entries.Length} weight tensors.",
                    argument
                )
            )

        Array.iter2
            (fun (entry: ParameterEntry) (scale: float) ->
                if not (Single.IsFinite(float32 scale)) then
                    raise (
                        ArgumentOutOfRangeException(
                            argument,
                            scale,
                            $"The scale of '{entry.Name}' must be a finite number of single precision, at most 3.4e38 in size."
                        )
                    ))
            layout.Entries
            scales

    let scalesOf (layout: ParameterLayout) rule =
        match rule with
        | FanInScale gain ->
            if not (Single.IsFinite(float32 gain) && float32 gain > 0.0f) then
                raise (
                    ArgumentException(
                        $"The gain is {gain}; it must be a positive finite number, at most 3.4e38.",
                        "specification"
                    )
                )

            layout.Entries |> Array.map (fun entry -> gain / sqrt (float entry.FanIn))
        | ExplicitScale scales ->
            checkScales "specification" "the target network" layout scales
            scales

    let private noStart () =
        ArgumentException(
            "With a bias of 0 and a start at 0 every generated weight is 0 and the target cannot learn; use a uniform bias or a start other than 0.",
            "specification"
        )

    let checkStart specification =
        match specification.Start, specification.Bias with
        | UniformStart amplitude, _ when not (Single.IsFinite(float32 amplitude)) ->
            raise (
                ArgumentException(
                    $"The start's amplitude is {amplitude}; it must be finite, at most 3.4e38 in size.",
                    "specification"
                )
            )
        | ZeroStart, MappingBias.Zero -> raise (noStart ())
        | UniformStart amplitude, MappingBias.Zero when float32 amplitude = 0.0f -> raise (noStart ())
        | _ -> ()

    /// The name, tensors and latents of each piece.
    let ranges (layout: ParameterLayout) split =
        match split with
        | SingleLatent count -> [| "theta", layout.Entries, count |]
        | LayerWise counts ->
            Array.map2 (fun (name, count) (layer: ParameterLayer) -> name, layer.Entries, count) counts layout.Layers

    /// The modulation of the piece at an index, of so many pieces.
    let modulations pieces (given: Modulation[]) index =
        match given with
        | [| modulation |] -> modulation
        | modulations when modulations.Length = pieces -> modulations[index]
        | modulations ->
            raise (
                ArgumentException(
                    $"There are {modulations.Length} modulations; there must be one for all pieces or one for each of the {pieces}.",
                    "specification"
                )
            )
