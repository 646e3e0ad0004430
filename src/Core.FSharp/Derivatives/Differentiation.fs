namespace MappingNets.Core

open System
open TorchSharp
open MappingNets.Core.DerivativeShapes
open MappingNets.Core.AutogradGraph

module Differentiation =

    /// The derivative by a scalar input of an output of any shape.
    let private slope keep graph (output: torch.Tensor) =
        if output.dim () = 0L then
            pullBack keep graph output (torch.ones_like output)
        else
            pushForward keep graph output (torch.ones_like graph.Input)

    let private gradientOf keep graph =
        pullBack keep graph graph.Value (torch.ones_like graph.Value)

    let ffdiffn n f x =
        if n < 0 then
            raise (ArgumentOutOfRangeException(nameof n, n, "The order of a derivative must be at least 0."))

        requireScalar x

        trace [] f x (fun graph release ->
            requireFloatingValue graph.Value

            // Only the last order may drop its graph: each order is differentiated to make the next.
            let higher =
                (graph.Value, seq { 1..n })
                ||> Seq.scan (fun output order -> slope (order < n || graph.Attached) graph output)

            higher |> Seq.toArray |> Array.map release)

    let fdiffn n f x =
        let orders = ffdiffn n f x

        if n = 0 then
            orders[0], orders[0].alias ()
        else
            for order in 1 .. n - 1 do
                orders[order].Dispose()

            orders[0], orders[n]

    let diffn n f x = fdiffn n f x |> derivativeOnly
    let fdiff f x = fdiffn 1 f x
    let diff f x = diffn 1 f x
    let fdiff2 f x = fdiffn 2 f x
    let diff2 f x = diffn 2 f x

    let fgrad f x =
        requireScalarOrVector x

        trace [] f x (fun graph release ->
            requireScalarValue graph.Value
            release graph.Value, release (gradientOf graph.Attached graph))

    let grad f x = fgrad f x |> derivativeOnly

    let fgradv f x v =
        requireVector x
        requireDirection "x" x v

        trace [ v ] f x (fun graph release ->
            requireScalarValue graph.Value
            release graph.Value, release ((gradientOf graph.Attached graph).dot v))

    let gradv f x v = fgradv f x v |> derivativeOnly

    let fjacobianv f x v =
        requireVector x
        requireDirection "x" x v

        trace [ v ] f x (fun graph release ->
            requireVectorValue graph.Value
            release graph.Value, release (pushForward graph.Attached graph graph.Value v))

    let jacobianv f x v = fjacobianv f x v |> derivativeOnly

    let fjacobianTv f x v =
        requireVector x

        trace [ v ] f x (fun graph release ->
            requireScalarOrVectorValue graph.Value
            requireDirection "f x" graph.Value v
            release graph.Value, release (pullBack graph.Attached graph graph.Value v))

    let jacobianTv f x v = fjacobianTv f x v |> derivativeOnly

    /// The Jacobian (m, n), by rows where it is wide and by columns where it is tall.
    let private jacobianOf graph =
        requireVectorValue graph.Value

        if graph.Value.numel () <= graph.Input.numel () then
            let rows =
                unitVectors graph.Value |> Array.map (pullBack graph.Attached graph graph.Value)

            torch.stack (rows, 0L)
        else
            let columns =
                unitVectors graph.Input
                |> Array.map (pushForward graph.Attached graph graph.Value)

            torch.stack (columns, 1L)

    let fjacobian f x =
        requireVector x

        trace [] f x (fun graph release ->
            let matrix = jacobianOf graph
            release graph.Value, release matrix)

    let jacobian f x = fjacobian f x |> derivativeOnly

    let fgradhessianv f x v =
        requireVector x
        requireDirection "x" x v

        trace [ v ] f x (fun graph release ->
            requireScalarValue graph.Value
            let gradient = gradientOf true graph
            release graph.Value, release (gradient.dot v), release (pullBack graph.Attached graph gradient v))

    let gradhessianv f x v = fgradhessianv f x v |> derivativesOnly

    let fhessianv f x v =
        let value, slope, product = fgradhessianv f x v
        slope.Dispose()
        value, product

    let hessianv f x v = fhessianv f x v |> derivativeOnly

    /// The gradient (n) and the n rows of the Hessian.
    let private hessianRows graph =
        requireScalarValue graph.Value
        let gradient = gradientOf true graph
        gradient, unitVectors graph.Input |> Array.map (pullBack graph.Attached graph gradient)

    let fgradhessian f x =
        requireVector x

        trace [] f x (fun graph release ->
            let gradient, rows = hessianRows graph
            release graph.Value, release gradient, release (torch.stack (rows, 0L)))

    let gradhessian f x = fgradhessian f x |> derivativesOnly

    let fhessian f x =
        let value, gradient, hessian = fgradhessian f x
        gradient.Dispose()
        value, hessian

    let hessian f x = fhessian f x |> derivativeOnly

    let flaplacian f x =
        requireVector x

        trace [] f x (fun graph release ->
            let _, rows = hessianRows graph
            release graph.Value, release (divergenceOf (torch.stack (rows, 0L))))

    let laplacian f x = flaplacian f x |> derivativeOnly

    let fcurldivergence f x =
        requireVector x

        trace [] f x (fun graph release ->
            let matrix = jacobianOf graph
            let curl = curlOf matrix
            release graph.Value, release curl, release (divergenceOf matrix))

    let curldivergence f x = fcurldivergence f x |> derivativesOnly

    let fcurl f x =
        requireVector x

        trace [] f x (fun graph release ->
            let curl = curlOf (jacobianOf graph)
            release graph.Value, release curl)

    let curl f x = fcurl f x |> derivativeOnly

    let fdivergence f x =
        requireVector x

        trace [] f x (fun graph release ->
            let divergence = divergenceOf (jacobianOf graph)
            release graph.Value, release divergence)

    let divergence f x = fdivergence f x |> derivativeOnly
