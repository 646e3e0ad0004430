namespace MappingNets.Core

open System
open TorchSharp
open MappingNets.Core.DerivativeShapes

module NumericalDifferentiation =

    let private requireStep epsilon =
        if not (Double.IsFinite epsilon && epsilon > 0.0) then
            raise (ArgumentOutOfRangeException(nameof epsilon, epsilon, "The step must be positive and finite."))

    /// Runs work in a dispose scope of its own; release carries a result out.
    let private scoped work =
        use _ = torch.NewDisposeScope()
        work (fun (result: torch.Tensor) -> result.alias().MoveToOuterDisposeScope())

    let private shifted (x: torch.Tensor) (direction: torch.Tensor) (step: float) = x + direction * step

    let private centralDifference epsilon (f: torch.Tensor -> torch.Tensor) x direction =
        // A Hessian takes n^2 of these, whose temporaries would live until its end.
        scoped (fun release ->
            release (
                (f (shifted x direction epsilon) - f (shifted x direction -epsilon))
                / (2.0 * epsilon)
            ))

    let private secondDifference epsilon (f: torch.Tensor -> torch.Tensor) x (value: torch.Tensor) direction =
        scoped (fun release ->
            release (
                (f (shifted x direction epsilon) - value * 2.0 + f (shifted x direction -epsilon))
                / (epsilon * epsilon)
            ))

    let private gradientOf epsilon f (x: torch.Tensor) =
        let slopes = unitVectors x |> Array.map (centralDifference epsilon f x)
        torch.stack (slopes, 0L)

    let numfdiff epsilon f x =
        requireStep epsilon
        requireScalar x

        scoped (fun release ->
            let value: torch.Tensor = f x
            requireFloatingValue value
            release value, release (centralDifference epsilon f x (torch.ones_like x)))

    let numdiff epsilon f x = numfdiff epsilon f x |> derivativeOnly

    let numfdiff2 epsilon f x =
        requireStep epsilon
        requireScalar x

        scoped (fun release ->
            let value: torch.Tensor = f x
            requireFloatingValue value
            release value, release (secondDifference epsilon f x value (torch.ones_like x)))

    let numdiff2 epsilon f x = numfdiff2 epsilon f x |> derivativeOnly

    let numfgrad epsilon f x =
        requireStep epsilon
        requireScalarOrVector x

        scoped (fun release ->
            let value: torch.Tensor = f x
            requireScalarValue value

            let gradient =
                if x.dim () = 0L then
                    centralDifference epsilon f x (torch.ones_like x)
                else
                    gradientOf epsilon f x

            release value, release gradient)

    let numgrad epsilon f x = numfgrad epsilon f x |> derivativeOnly

    let numfgradv epsilon f x v =
        requireStep epsilon
        requireVector x
        requireDirection "x" x v

        scoped (fun release ->
            let value: torch.Tensor = f x
            requireScalarValue value
            release value, release (centralDifference epsilon f x v))

    let numgradv epsilon f x v =
        numfgradv epsilon f x v |> derivativeOnly

    /// The value (m) and the Jacobian (m, n), inside the caller's scope.
    let private jacobianOf epsilon f x =
        requireStep epsilon
        requireVector x
        let value: torch.Tensor = f x
        requireVectorValue value
        let columns = unitVectors x |> Array.map (centralDifference epsilon f x)
        value, torch.stack (columns, 1L)

    let numfjacobian epsilon f x =
        scoped (fun release ->
            let value, jacobian = jacobianOf epsilon f x
            release value, release jacobian)

    let numjacobian epsilon f x =
        numfjacobian epsilon f x |> derivativeOnly

    let numfjacobianv epsilon f x v =
        requireStep epsilon
        requireVector x
        requireDirection "x" x v

        scoped (fun release ->
            let value: torch.Tensor = f x
            requireVectorValue value
            release value, release (centralDifference epsilon f x v))

    let numjacobianv epsilon f x v =
        numfjacobianv epsilon f x v |> derivativeOnly

    let numfjacobianTv epsilon f x v =
        requireStep epsilon
        requireVector x

        scoped (fun release ->
            let value: torch.Tensor = f x
            requireScalarOrVectorValue value
            requireDirection "f x" value v
            release value, release (gradientOf epsilon (fun point -> (f point * v).sum ()) x))

    let numjacobianTv epsilon f x v =
        numfjacobianTv epsilon f x v |> derivativeOnly

    let numfgradhessian epsilon f x =
        requireStep epsilon
        requireVector x

        scoped (fun release ->
            let value: torch.Tensor = f x
            requireScalarValue value

            let rows =
                unitVectors x |> Array.map (centralDifference epsilon (gradientOf epsilon f) x)

            release value, release (gradientOf epsilon f x), release (torch.stack (rows, 0L)))

    let numgradhessian epsilon f x =
        numfgradhessian epsilon f x |> derivativesOnly

    let numfhessian epsilon f x =
        let value, gradient, hessian = numfgradhessian epsilon f x
        gradient.Dispose()
        value, hessian

    let numhessian epsilon f x =
        numfhessian epsilon f x |> derivativeOnly

    let numfhessianv epsilon f x v =
        requireStep epsilon
        requireVector x
        requireDirection "x" x v

        scoped (fun release ->
            let value: torch.Tensor = f x
            requireScalarValue value
            release value, release (centralDifference epsilon (gradientOf epsilon f) x v))

    let numhessianv epsilon f x v =
        numfhessianv epsilon f x v |> derivativeOnly

    let numfgradhessianv epsilon f x v =
        requireStep epsilon
        requireVector x
        requireDirection "x" x v

        scoped (fun release ->
            let value: torch.Tensor = f x
            requireScalarValue value
            let slope = centralDifference epsilon f x v
            release value, release slope, release (centralDifference epsilon (gradientOf epsilon f) x v))

    let numgradhessianv epsilon f x v =
        numfgradhessianv epsilon f x v |> derivativesOnly

    let numflaplacian epsilon f x =
        requireStep epsilon
        requireVector x

        scoped (fun release ->
            let value: torch.Tensor = f x
            requireScalarValue value
            let seconds = unitVectors x |> Array.map (secondDifference epsilon f x value)
            release value, release (torch.stack(seconds, 0L).sum ()))

    let numlaplacian epsilon f x =
        numflaplacian epsilon f x |> derivativeOnly

    let numfcurldivergence epsilon f x =
        scoped (fun release ->
            let value, jacobian = jacobianOf epsilon f x
            let curl = curlOf jacobian
            release value, release curl, release (divergenceOf jacobian))

    let numcurldivergence epsilon f x =
        numfcurldivergence epsilon f x |> derivativesOnly

    let numfcurl epsilon f x =
        let value, curl, divergence = numfcurldivergence epsilon f x
        divergence.Dispose()
        value, curl

    let numcurl epsilon f x = numfcurl epsilon f x |> derivativeOnly

    let numfdivergence epsilon f x =
        scoped (fun release ->
            let value, jacobian = jacobianOf epsilon f x
            let divergence = divergenceOf jacobian
            release value, release divergence)

    let numdivergence epsilon f x =
        numfdivergence epsilon f x |> derivativeOnly
