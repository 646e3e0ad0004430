namespace MappingNets.Core

open System

type LatentSplit =
    | SingleLatent of count: int
    | LayerWise of counts: (string * int)[]

module LatentSplit =

    /// What refusals call a target network that has no name.
    let private target = "the target network"

    /// Shares `budget` among layers in proportion to size^power, none above its cap: layers whose share exceeds the cap are
    /// filled and leave the rest to the others, until nobody is above.
    let rec private waterFill power (budget: float) (open': (int * float * float) list) (filled: Map<int, float>) =
        let sizes = open' |> List.map (fun (_, size, _) -> size)
        // Relative to the layer with the largest share, so that no power of a size can overflow.
        let largest = if power >= 0.0 then List.max sizes else List.min sizes
        let share size : float = (size / largest) ** power
        let total = sizes |> List.sumBy share
        let portion size = budget * share size / total

        match open' |> List.partition (fun (_, size, cap) -> portion size >= cap) with
        | [], rest ->
            rest
            |> List.fold (fun all (index, size, _) -> Map.add index (portion size) all) filled
        | full, [] -> full |> List.fold (fun all (index, _, cap) -> Map.add index cap all) filled
        | full, rest ->
            let used = full |> List.sumBy (fun (_, _, cap) -> cap)

            let filled =
                full |> List.fold (fun all (index, _, cap) -> Map.add index cap all) filled

            waterFill power (budget - used) rest filled

    /// One latent a layer, and the rest in proportion to size^power.
    let private shared (argument: string) (owner: string) power (sizes: float[]) budget (layout: ParameterLayout) =
        let layers = layout.Layers

        if budget < layers.Length || int64 budget > layout.Count then
            raise (
                ArgumentOutOfRangeException(
                    argument,
                    budget,
                    $"A layer-wise split of {owner} needs from {layers.Length} latents (one a layer) to {layout.Count} (one a weight)."
                )
            )

        // Every layer keeps one latent for itself, so the shares are of what is left.
        let caps = layers |> Array.map (fun layer -> float (layer.Count - 1L))

        let portions =
            waterFill
                power
                (float (budget - layers.Length))
                (List.init layers.Length (fun index -> index, sizes[index], caps[index]))
                Map.empty

        let whole = Array.init layers.Length (fun index -> floor (portions[index] + 1e-9))
        let missing = budget - layers.Length - int (Array.sum whole)

        let extra =
            [| 0 .. layers.Length - 1 |]
            |> Array.filter (fun index -> whole[index] < caps[index])
            |> Array.sortBy (fun index -> whole[index] - portions[index], index)
            |> Array.truncate missing
            |> Set.ofArray

        layers
        |> Array.mapi (fun index layer -> layer.Name, 1 + int whole[index] + (if extra.Contains index then 1 else 0))
        |> LayerWise

    let byPowerFor (argument: string) (owner: string) (power: float) budget (layout: ParameterLayout) =
        if not (Double.IsFinite power) then
            raise (ArgumentOutOfRangeException(nameof power, power, "The power must be a finite number."))

        let sizes = layout.Layers |> Array.map (fun layer -> float layer.Count)
        shared argument owner power sizes budget layout

    let byPower power budget layout =
        byPowerFor (nameof budget) target power budget layout

    /// The smallest share beside the largest: a layer without any gradient can still get one later.
    let private leastShare = 1e-3

    let byEnergyFor (argument: string) (owner: string) (energies: float[]) budget (layout: ParameterLayout) =
        let layers = layout.Layers

        if energies.Length <> layers.Length then
            raise (
                ArgumentException($"There are {energies.Length} energies for {layers.Length} layers.", nameof energies)
            )

        if
            energies
            |> Array.exists (fun energy -> not (Double.IsFinite energy && energy >= 0.0))
        then
            raise (ArgumentException("An energy is negative or no finite number.", nameof energies))

        if energies |> Array.forall (fun energy -> energy = 0.0) then
            raise (ArgumentException("All energies are 0: no layer has a gradient.", nameof energies))

        let sizes =
            Array.map2 (fun energy (layer: ParameterLayer) -> sqrt energy * sqrt (float layer.Count)) energies layers

        let least = leastShare * Array.max sizes
        shared argument owner 1.0 (sizes |> Array.map (max least)) budget layout

    let byEnergy energies budget layout =
        byEnergyFor (nameof budget) target energies budget layout

    let count split =
        match split with
        | SingleLatent count -> count
        | LayerWise counts -> counts |> Array.sumBy snd

    let private checkCount (argument: string) what count (limit: int64) =
        if count < 1 || int64 count > limit then
            raise (ArgumentOutOfRangeException(argument, count, $"The number of latents {what}, {limit}."))

    let checkFor (argument: string) (owner: string) split (layout: ParameterLayout) =
        match split with
        | SingleLatent count ->
            checkCount argument $"d of {owner} must be from 1 to its number of weights P" count layout.Count
        | LayerWise counts ->
            let expected = layout.Layers |> Array.map _.Name
            let given = counts |> Array.map fst

            if given <> expected then
                let text (names: string[]) = String.Join(", ", names)

                raise (
                    ArgumentException(
                        $"The split names the layers [{text given}]; {owner} has, in this order, [{text expected}].",
                        argument
                    )
                )

            Array.iter2
                (fun (name, count) (layer: ParameterLayer) ->
                    checkCount argument $"of layer '{name}' must be from 1 to its number of weights" count layer.Count)
                counts
                layout.Layers

    let check split layout =
        checkFor (nameof split) target split layout
