/** The entry point of the package that holds the FReLU layer. */
export const layerEntry = 'frelu-migrate/tfjs';
