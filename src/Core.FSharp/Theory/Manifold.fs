namespace MappingNets.Core

open System
open TorchSharp

[<ReferenceEquality>]
type Chart =
    { Name: string
      Centre: torch.Tensor
      Radius: float
      WeightCount: int64
      Map: torch.Tensor -> torch.Tensor
      Jacobian: torch.Tensor -> torch.Tensor
      Curvature: Bound option }

module Chart =

    let create name (centre: torch.Tensor) radius weightCount (map: torch.Tensor -> torch.Tensor) =
        requireFinite (nameof centre) (if centre.dim () = 1L then centre.shape[0] else 1L) centre
        requirePositive (nameof radius) radius
        let precise = centre.detach().to_type (torch.float64, copy = true)
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        requireFinite (nameof map) weightCount (map precise)

        { Name = name
          Centre = precise
          Radius = radius
          WeightCount = weightCount
          Map = map
          Jacobian = Differentiation.jacobian map
          Curvature = None }

    let withJacobian jacobian (chart: Chart) = { chart with Jacobian = jacobian }

    let withCurvature bound (chart: Chart) =
        requireNotNegative (nameof bound) "The curvature bound" bound

        { chart with
            Curvature = Some(Bound.assumed $"the author of chart '{chart.Name}' states its curvature" bound) }

module Bump =

    let value (t: torch.Tensor) =
        let squared = t.square ()
        let inside = squared.lt (1.0.ToScalar())
        // Outside, the formula is given a harmless argument: where() would otherwise let its NaN into the gradient.
        let safe = torch.where (inside, squared, torch.zeros_like squared)
        let bump = (1.0.ToScalar() - (1.0.ToScalar() - safe).reciprocal ()).exp ()
        torch.where (inside, bump, torch.zeros_like bump)

[<Sealed>]
type Manifold internal (charts: Chart[]) =

    let latentCount = int charts[0].Centre.shape[0]
    let weightCount = charts[0].WeightCount

    let centreOf (chart: Chart) (like: torch.Tensor) =
        chart.Centre.``to`` (like.dtype, like.device)

    /// t^2 of a chart: the squared distance over the squared radius.
    let squaredDistance (chart: Chart) (latent: torch.Tensor) =
        (latent - centreOf chart latent).square().sum ()
        / (chart.Radius * chart.Radius).ToScalar()

    let distances (latent: torch.Tensor) =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        charts
        |> Array.map (fun chart -> (squaredDistance chart latent).to_type(torch.float64).ToDouble())

    let check latent =
        requireVector (nameof latent) (int64 latentCount) latent

    /// The indices of the charts whose balls hold z.
    let activeAt latent =
        check latent
        let distances = distances latent

        let active =
            [| 0 .. charts.Length - 1 |]
            |> Array.filter (fun index -> distances[index] < 1.0)

        if active.Length = 0 then
            let nearest =
                [ 0 .. charts.Length - 1 ]
                |> List.minBy (fun index -> sqrt distances[index] * charts[index].Radius)

            let distance = sqrt distances[nearest] * charts[nearest].Radius

            raise (
                ArgumentException(
                    $"z lies outside the cover: the nearest centre, of chart '{charts[nearest].Name}', is {distance:g4} away and its radius is {charts[nearest].Radius:g4}.",
                    nameof latent
                )
            )

        active

    /// rho of the active charts: psi_i / sum psi_k as a softmax of -1 / (1 - t_i^2), which keeps its meaning where every psi underflows.
    let partition (active: int[]) latent =
        let logarithms =
            active
            |> Array.map (fun index -> -(1.0.ToScalar() - squaredDistance charts[index] latent).reciprocal ())

        torch.stack(logarithms, 0L).softmax 0L

    let generate latent =
        let active = activeAt latent
        let shares = partition active latent

        active
        |> Array.mapi (fun position index -> charts[index].Map latent * shares[int64 position])
        |> Array.reduce (fun total part -> total + part)

    /// grad rho_i = rho_i (a_i - sum_k rho_k a_k) with a_i the gradient of -1 / (1 - t_i^2); shape (active, d).
    let partitionSlopes (active: int[]) (shares: torch.Tensor) latent =
        let slopes =
            active
            |> Array.map (fun index ->
                let chart = charts[index]
                let rest = 1.0.ToScalar() - squaredDistance chart latent

                (latent - centreOf chart latent)
                * (rest.square().reciprocal () * (-2.0 / (chart.Radius * chart.Radius)).ToScalar()))

        let slopes = torch.stack (slopes, 0L)
        let column = shares.unsqueeze 1L
        column * (slopes - (column * slopes).sum (0L, keepdim = true))

    let jacobian latent =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let active = activeAt latent
        let shares = partition active latent
        let slopes = partitionSlopes active shares latent

        let result =
            active
            |> Array.mapi (fun position index ->
                let chart = charts[index]

                chart.Jacobian latent * shares[int64 position]
                + torch.outer (chart.Map latent, slopes[int64 position]))
            |> Array.reduce (fun total part -> total + part)

        result.MoveToOuterDisposeScope()

    member _.Charts = Array.copy charts
    member _.LatentCount = latentCount
    member _.WeightCount = weightCount

    member _.Covers latent =
        check latent
        distances latent |> Array.exists (fun distance -> distance < 1.0)

    member _.Weights(latent: torch.Tensor) =
        let active = activeAt latent
        let shares = partition active latent
        let nothing = torch.zeros_like shares[0L]

        let all =
            Array.init charts.Length (fun index ->
                match Array.IndexOf(active, index) with
                | -1 -> nothing
                | position -> shares[int64 position])

        torch.stack (all, 0L)

    member _.Generate(latent: torch.Tensor) = generate latent
    member _.Jacobian(latent: torch.Tensor) = jacobian latent

    member _.OverlapGap(latent: torch.Tensor) =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let images = activeAt latent |> Array.map (fun index -> charts[index].Map latent)

        Array.allPairs images images
        |> Array.map (fun (first, second) -> (first - second).norm().ToDouble())
        |> Array.max

    member manifold.ToMap() =
        let unless (outside: torch.Tensor -> 'Result) (inside: torch.Tensor -> 'Result) latent =
            if manifold.Covers latent then
                inside latent
            else
                outside latent

        { LatentCount = latentCount
          WeightCount = weightCount
          Evaluate =
            generate
            |> unless (fun latent ->
                torch.full ([| weightCount |], nan.ToScalar(), dtype = latent.dtype, device = latent.device))
          Derivative = fun latent -> LinearMap.ofMatrix (jacobian latent)
          EvaluationRounding = None
          DerivativeRounding = None
          Curvature =
            match charts with
            | [| { Curvature = Some bound } as chart |] ->
                Some(fun centre radius ->
                    use _ = torch.no_grad ()
                    use scope = torch.NewDisposeScope()

                    let farthest =
                        Rounding.frobeniusAbove (centre - centreOf chart centre) + radius
                        |> Rounding.raised 8.0

                    if farthest <= chart.Radius then
                        bound
                    else
                        Bound.notEstablished
                            $"the ball reaches out of that of chart '{chart.Name}', and its curvature is known there alone")
            | _ -> None }

module Manifold =

    let create (charts: Chart seq) =
        let charts = Seq.toArray charts

        if charts.Length = 0 then
            raise (ArgumentException("A manifold needs at least one chart.", nameof charts))

        for chart in charts do
            if chart.Centre.shape[0] <> charts[0].Centre.shape[0] then
                raise (
                    ArgumentException(
                        $"Chart '{chart.Name}' has {chart.Centre.shape[0]} latents, chart '{charts[0].Name}' {charts[0].Centre.shape[0]}; all charts share one latent space.",
                        nameof charts
                    )
                )

            if chart.WeightCount <> charts[0].WeightCount then
                raise (
                    ArgumentException(
                        $"Chart '{chart.Name}' has {chart.WeightCount} weights, chart '{charts[0].Name}' {charts[0].WeightCount}; they must agree.",
                        nameof charts
                    )
                )

        Manifold charts
