/** The op set that gradient rules are written for; a training copy of an older model is raised to it. */
export const canonicalOpset = 21;
