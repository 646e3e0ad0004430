namespace MappingNets.Core

open System
open System.Collections.Generic
open TorchSharp

[<Sealed>]
type ParameterEntry internal (name: string, shape: int64[], offset: int64, fanIn: int64) =
    let count = Array.fold (*) 1L shape

    let layer =
        match name.LastIndexOf '.' with
        | -1 -> name
        | dot -> name.Substring(0, dot)

    member _.Name = name
    // A copy: kernels write as many numbers as the layout says, whatever a caller does to what it was given.
    member _.Shape = Array.copy shape
    member _.Offset = offset
    member _.Count = count
    member _.FanIn = fanIn
    member _.Layer = layer
    override _.ToString() = name + shapeText shape

[<Sealed>]
type ParameterLayer internal (name: string, entries: ParameterEntry[]) =
    let count = entries |> Array.sumBy _.Count
    member _.Name = name
    member _.Entries = Array.copy entries
    member _.Offset = entries[0].Offset
    member _.Count = count

    override _.ToString() =
        $"{name}: {count} weights at {entries[0].Offset}"

[<Sealed>]
type ParameterLayout internal (entries: ParameterEntry[]) =
    let count = entries |> Array.sumBy _.Count
    let sizes = entries |> Array.map _.Count

    let layers =
        entries
        |> Array.map _.Layer
        |> Array.distinct
        |> Array.map (fun layer -> ParameterLayer(layer, entries |> Array.filter (fun entry -> entry.Layer = layer)))

    let signature = String.Join("; ", entries |> Array.map string)

    let byName =
        Dictionary(entries |> Seq.map (fun entry -> KeyValuePair(entry.Name, entry)))

    member _.Entries = Array.copy entries
    member _.Count = count
    member _.Layers = Array.copy layers
    member _.Signature = signature

    member _.Find name =
        match byName.TryGetValue name with
        | true, entry -> entry
        | _ -> raise (KeyNotFoundException $"The layout has no tensor named '{name}'; it has: {signature}.")

    member _.Split(theta: torch.Tensor) =
        if theta.dim () <> 1L || theta.shape[0] <> count then
            raise (
                ArgumentException(
                    $"theta has the shape {shapeText theta.shape}; the layout needs ({count}).",
                    nameof theta
                )
            )

        Array.map2
            (fun (part: torch.Tensor) (entry: ParameterEntry) -> part.view (entry.Shape))
            (theta.split (sizes, 0L))
            entries

    member _.Join(tensors: torch.Tensor seq) =
        let tensors = Seq.toArray tensors

        if tensors.Length <> entries.Length then
            raise (
                ArgumentException(
                    $"The layout has {entries.Length} tensors; {tensors.Length} were given.",
                    nameof tensors
                )
            )

        Array.iter2
            (fun (tensor: torch.Tensor) (entry: ParameterEntry) ->
                if tensor.shape <> entry.Shape then
                    raise (
                        ArgumentException(
                            $"'{entry.Name}' has the shape {shapeText tensor.shape}; the layout needs {shapeText entry.Shape}.",
                            nameof tensors
                        )
                    ))
            tensors
            entries

        torch.cat (tensors |> Array.map (fun tensor -> tensor.reshape (-1L)), 0L)

    override _.Equals other =
        match other with
        | :? ParameterLayout as other ->
            // Fan-ins decide the scales, so layouts that differ in them generate other weights.
            other.Signature = signature
            && other.Entries.Length = entries.Length
            && Array.forall2
                (fun (mine: ParameterEntry) (their: ParameterEntry) -> mine.FanIn = their.FanIn)
                entries
                other.Entries
        | _ -> false

    override _.GetHashCode() = signature.GetHashCode()

    override _.ToString() =
        $"{entries.Length} tensors, P = {count}: {signature}"

module ParameterLayout =

    let private check (name: string, shape: int64[], fanIn: int64) =
        if String.IsNullOrWhiteSpace name then
            raise (ArgumentException("A tensor of the layout has no name.", "tensors"))

        // Two layouts would have one signature, which files take for the layout.
        if name.Contains("); ", StringComparison.Ordinal) then
            raise (
                ArgumentException(
                    $"The name '{name}' holds \"); \", which stands between the tensors of a layout's signature.",
                    "tensors"
                )
            )

        if shape |> Array.exists (fun size -> size < 1L) then
            raise (
                ArgumentException(
                    $"'{name}' has the shape {shapeText shape}; every size must be at least 1.",
                    "tensors"
                )
            )

        if fanIn < 1L then
            raise (ArgumentException($"'{name}' has the fan-in {fanIn}; it must be at least 1.", "tensors"))

    let private refuseRepeated what (names: string[]) =
        names
        |> Array.countBy id
        |> Array.tryFind (fun (_, times) -> times > 1)
        |> Option.iter (fun (name, times) ->
            raise (ArgumentException($"{what} '{name}' stands {times} times in the layout.", "tensors")))

    /// The number of weights of a tensor behind so many others; refuses what does not fit into 63 bits.
    let private placed offset (name: string, shape: int64[], fanIn) =
        try
            let count = shape |> Array.fold (fun count size -> Checked.(*) count size) 1L
            let next = Checked.(+) offset count
            ParameterEntry(name, Array.copy shape, offset, fanIn), next
        with :? OverflowException ->
            raise (
                ArgumentException(
                    $"'{name}' has the shape {shapeText shape} behind {offset} other weights; a layout has at most {Int64.MaxValue} weights.",
                    "tensors"
                )
            )

    let create tensors =
        let tensors = Seq.toArray tensors

        if tensors.Length = 0 then
            raise (ArgumentException("A layout needs at least one tensor.", nameof tensors))

        tensors |> Array.iter check
        tensors |> Array.map (fun (name, _, _) -> name) |> refuseRepeated "The tensor"

        let entries, _ = tensors |> Array.mapFold placed 0L

        // One layer's entries must be neighbours: a layer-wise mapping generates each layer as one range of theta.
        entries
        |> Array.map _.Layer
        |> Array.fold
            (fun runs layer ->
                match runs with
                | last :: _ when last = layer -> runs
                | _ -> layer :: runs)
            []
        |> List.toArray
        |> refuseRepeated "The layer"

        ParameterLayout entries
